"""What makes a link: text, tags, slugs, the event; and in which order."""

from __future__ import annotations

import pytest

from market_assets.features.linking.linker import Linker, Subject
from market_assets.features.linking.listings import Listed
from market_assets_tests.features.linking.registry import REGISTRY

LINKER = Linker(REGISTRY)


def links(question: str = "", **known: str | tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Method and matched text by symbol."""
    subject = Subject("0x1", question, **known)
    return {link.symbol: (link.method, link.matched_text) for link in LINKER.links(subject)}


def test_a_name_links_to_the_perp_of_the_first_dex() -> None:
    """Not to the builder's perp of the same coin."""
    assert links("Will Bitcoin end March over $90k?") == {"BTC": ("name", "Bitcoin")}


def test_a_market_can_be_about_two_assets() -> None:
    """In the order of the text."""
    assert list(links("Will Ethereum overtake Bitcoin?")) == ["ETH", "BTC"]


def test_the_longer_name_wins_also_where_its_asset_is_not_listed() -> None:
    """Bitcoin Cash is never Bitcoin."""
    assert list(links("Bitcoin Cash over $700?")) == ["BCH"]
    without = Linker([listed for listed in REGISTRY if listed.symbol != "BCH"])
    assert without.links(Subject("0x1", "Bitcoin Cash over $700?")) == ()


@pytest.mark.parametrize(
    ("question", "symbols"),
    [
        ("Will Coinbase delist Wrapped Bitcoin?", []),
        ("Bitcoin. Cash is king", ["BTC"]),
        ("Bitcoin, Cash App or PayPal?", ["BTC"]),
        ("Will @solana post about Bitcoin?", ["BTC"]),
        ("Will Solana beat Ether-1 Racing?", ["SOL"]),
        ("Will the solana-ether pool grow?", ["SOL"]),
        ("Will Sol Campbell or bnb hosts win?", []),
        ("will BITCOIN or btc rise?", ["BTC"]),
        ("Will jupiter do an airdrop?", ["JUP"]),
        ("Will jupiter be above $5?", []),
    ],
)
def test_where_a_name_begins_and_ends(question: str, symbols: list[str]) -> None:
    """Phrases, handles, hyphens, and in which case a name may stand."""
    assert [*links(question)] == symbols


@pytest.mark.parametrize(
    ("question", "symbol"),
    [("$ETH by noon", "ETH"), ("$pepe it is", "kPEPE"), ("is $NOT back?", "NOT"), ("$S?", "S")],
)
def test_a_cashtag_links_whatever_else_the_word_means(question: str, symbol: str) -> None:
    """In any case, and to lots of a thousand by the coin's own ticker."""
    assert [*links(question)] == [symbol]
    assert links(question)[symbol][0] == "cashtag"


def test_a_perp_that_the_vocabulary_does_not_know_links_by_its_cashtag_only() -> None:
    """A new listing is found before anybody edits the file, without guesses about words."""
    assert [*links("Will $BRANDNEW double?")] == ["BRANDNEW"]
    assert links("BRANDNEW above $3 on Monday?", tag_slugs=("crypto",)) == {}


def test_dollars_of_another_word_are_no_cashtag() -> None:
    """A$AP, US$1 and the index $SPX."""
    for text in ("A$ME tours in May", "US$S due", "$SPX at the close", "$5", "$"):
        assert links(text) == {}


def test_tags_alone_link_where_the_text_names_nothing() -> None:
    """All of them, with less confidence if there are several."""
    one = LINKER.links(Subject("0x1", "Which comes first?", tag_slugs=("bitcoin", "crypto")))
    two = LINKER.links(Subject("0x1", "Which one?", tag_slugs=("bitcoin",), tag_ids=("39", "235")))
    assert [(link.symbol, link.method, link.matched_text) for link in one] == [
        ("BTC", "tag", "bitcoin")
    ]
    assert [(link.symbol, link.matched_text) for link in two] == [("BTC", "bitcoin"), ("ETH", "39")]
    assert two[0].confidence < one[0].confidence


def test_of_several_tags_those_count_that_the_text_names() -> None:
    """An event on three coins has the tags of all; each of its markets is about one."""
    tags = ("bitcoin", "ethereum", "solana")
    assert links("Will Solana gain most?", tag_slugs=tags) == {"SOL": ("tag", "solana")}


def test_the_event_speaks_where_the_market_does_not() -> None:
    """A market of a group is often a bare number, and its event's title is worth a little less."""
    by_event = LINKER.links(Subject("0x1", "120,000", event_title="What will Bitcoin reach?"))
    by_itself = LINKER.links(Subject("0x1", "What will Bitcoin reach?"))
    assert [link.symbol for link in by_event] == ["BTC"]
    assert by_event[0].confidence < by_itself[0].confidence
    assert [*links("Will Dogecoin?", event_title="What will Bitcoin reach?")] == ["DOGE"]


@pytest.mark.parametrize(
    ("slug", "symbols"),
    [
        ("near-updown-5m-1777748700", ["NEAR"]),
        ("hype-updown-4h-1777766400", ["HYPE"]),
        ("ethereum-up-or-down-may-9-2pm-et", ["ETH"]),
        ("op-up-or-down-on-may-9", []),
        ("spx-up-or-down-on-may-9", []),
        ("spx-updown-5m-1777748700", []),
        ("bitcoin-above-90k-on-may-9", ["BTC"]),
        ("what-price-will-solana-hit-in-may", ["SOL"]),
        ("xrp-multistrike-4h-1777766400", ["XRP"]),
        ("link-above-the-fold", []),
        ("will-the-bitcoin-bill-pass", []),
    ],
)
def test_slug_families(slug: str, symbols: list[str]) -> None:
    """The -updown- family is crypto only, so words count there; stocks share the others."""
    assert [*links(slug=slug)] == symbols
    assert [*links(event_slug=slug)] == symbols


def test_words_need_a_tag_and_price_wording() -> None:
    """ME above $5 is a coin under a tag of crypto, and Maine without one."""
    title = "ME above $5 on Friday?"
    assert links(title) == {}
    assert [*links(title, tag_slugs=("Crypto-Prices",))] == ["ME"]
    assert [*links(title, tag_ids=("21",))] == ["ME"]
    assert links("Will ME vote early?", tag_slugs=("crypto",)) == {}
    assert links("Will Trump veto it?", tag_slugs=("crypto",)) == {}


def test_a_tag_of_crypto_is_hint_enough_for_a_name() -> None:
    """And so is another coin in the same title."""
    assert links("Will Avalanche grow?") == {}
    assert [*links("Will Avalanche grow?", tag_slugs=("crypto",))] == ["AVAX"]
    assert [*links("Will Avalanche or Solana grow?")] == ["AVAX", "SOL"]


def test_names_that_words_elsewhere_deny() -> None:
    """The club, the department; its cashtag still counts."""
    assert links("Colorado: will Avalanche be above $40?") == {}
    assert links("Will DOGE reach $90b in savings?") == {}
    assert [*links("Will DOGE reach $1?")] == ["DOGE"]
    assert [*links("Federal news: will $DOGE reach $1?")] == ["DOGE"]


def test_what_people_say_is_not_what_the_market_is_about() -> None:
    """Markets on words in a speech name everything."""
    assert links("Will the chair say Bitcoin twice?") == {}
    assert [*links("Will Bitcoin rise, as they say?")] == ["BTC"]


def test_stocks_in_brackets_are_not_coins() -> None:
    """Neither by their ticker nor by the first word of the company."""
    assert links("Compass (COMP) above $9?", tag_slugs=("crypto",)) == {}
    assert links("Avalanche (AVLN) above $9?") == {}
    assert [*links("Avalanche (AVAX) above $9?")] == ["AVAX"]


def test_gold_and_stocks_of_builder_dexs_are_not_linked() -> None:
    """Their tickers and wording are those of a hundred others."""
    assert links("Will Gold close above $4,000?") == {}
    assert links("Tesla (TSLA) closes above $400?") == {}


def test_an_asset_that_was_renamed_links_to_the_name_that_trades() -> None:
    """And where nothing of it trades, to the symbol that may come back."""
    assert [*links("MATIC above $1?")] == ["POL"]
    assert [*links("Will MakerDAO merge?")] == ["MKR"]
    only_old = Linker([Listed("MATIC", "perp", is_delisted=True)])
    assert [link.symbol for link in only_old.links(Subject("0x1", "MATIC above $1?"))] == ["MATIC"]


def test_an_empty_registry_links_nothing() -> None:
    """Not even Bitcoin."""
    assert Linker([]).links(Subject("0x1", "Bitcoin $BTC", tag_slugs=("bitcoin",))) == ()


def test_what_a_builder_lists_under_a_stocks_ticker_is_not_the_coin() -> None:
    """COMP is Compass on a dex of stocks; ZEC is nothing else."""
    builders = Linker([Listed(f"xyz:{ticker}", "perp", "xyz") for ticker in ("COMP", "ZEC")])
    title = Subject("0x1", "Compound Finance or Zcash in May?")
    assert [link.symbol for link in builders.links(title)] == ["xyz:ZEC"]

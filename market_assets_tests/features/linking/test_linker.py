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


def of_event(
    title: str, tags: tuple[str, ...], *questions: str, others: tuple[str, ...] = ()
) -> list[list[str]]:
    """The symbols of each of an event's markets; the others are not to be linked."""
    made = [
        Subject(str(number), text, event_title=title, tag_slugs=tags)
        for number, text in enumerate((*questions, *others))
    ]
    count = len(questions)
    links = LINKER.links_of_event(made[:count], made[count:])
    return [[li.symbol for li in links if li.condition_id == str(n)] for n in range(count)]


@pytest.mark.parametrize(
    ("title", "tags", "questions", "symbols"),
    [
        (
            "What happens before the sequel?",
            ("bitcoin", "crypto", "politics"),
            ("Bitcoin over $1m before the sequel?", "New pope before the sequel?"),
            [["BTC"], []],
        ),
        (
            "Bitcoin, silver or the Dow?",
            ("bitcoin", "finance"),
            ("Bitcoin", "Silver", "The Dow", "Neither of them"),
            [["BTC"], [], [], []],
        ),
        (
            "Which gains the most?",
            ("bitcoin", "ethereum", "solana"),
            ("Ethereum", "Solana", "Bitcoin", "Another coin"),
            [["ETH"], ["SOL"], ["BTC"], []],
        ),
        (
            "How low will Solana go?",
            ("solana", "crypto-prices"),
            ("↓ $80", "Will Solana dip to $60?", "95.5", "Q3 2027", "By March 31st", "or lower"),
            [["SOL"]] * 6,
        ),
        (
            "Who buys bitcoin next?",
            ("bitcoin", "business"),
            ("Microsoft", "Costco", "Will Meta?"),
            [["BTC"]] * 3,
        ),
        ("Bitcoin or gold?", ("bitcoin",), ("Gold",), [[]]),
        ("Before the album?", ("bitcoin", "music"), ("A reunion before the album?",), [[]]),
        ("The chair's speech", ("bitcoin",), ('"Inflation" 5+ times?', "Say crypto?"), [[], []]),
    ],
)
def test_what_an_event_says_is_for_those_of_its_markets_that_name_nothing(
    title: str, tags: tuple[str, ...], questions: tuple[str, ...], symbols: list[list[str]]
) -> None:
    """Or for all of them where none names what the event is about."""
    assert of_event(title, tags, *questions) == symbols


def test_a_market_that_is_not_to_be_linked_still_explains_the_tag() -> None:
    """The one on Bitcoin closed a year ago; the event goes on."""
    title, tags, album = "What happens first?", ("bitcoin",), "A new album?"
    assert of_event(title, tags, album) == [["BTC"]]
    assert of_event(title, tags, album, others=("Bitcoin at $1m?",)) == [[]]


def test_title_and_tag_of_the_event_are_worth_less_than_the_markets_own_text() -> None:
    """And more than one of them alone."""
    tags = ("bitcoin",)
    own = LINKER.links(Subject("0x1", "Bitcoin over $90k?", tag_slugs=tags))
    both = LINKER.links(Subject("0x1", "$90k", event_title="Bitcoin in May?", tag_slugs=tags))
    tag = LINKER.links(Subject("0x1", "$90k", tag_slugs=tags))
    title = LINKER.links(Subject("0x1", "$90k", event_title="Bitcoin in May?"))
    assert own[0].confidence > both[0].confidence > max(tag[0].confidence, title[0].confidence)


@pytest.mark.parametrize(
    "question",
    [
        'Will "Solana" be said in the speech?',
        "Is Solana mentioned in the budget?",
        '"Solana" 5+ times on the call?',
        "Solana 12 or more times?",
        'Will "Solana" or "Cardano" be uttered first?',
        "Does Solana come up in the debate?",
        "Will 'Solana' be the word of the year?",
        "Will the senator mention Solana?",
    ],
)
def test_a_name_that_is_said_is_not_what_the_market_is_about(question: str) -> None:
    """Whichever side of the name says so; nor does a tag link it."""
    assert links(question) == {}
    assert links(question, tag_slugs=("solana", "crypto", "mentions")) == {}


@pytest.mark.parametrize(
    ("question", "symbols"),
    [
        ("Will the NEAR price be above $7?", ["NEAR"]),
        ("Will the OP token be burnt?", ["OP"]),
        ("NEAR", ["NEAR"]),
        ("Will Near (formerly Nightshade) vote?", ["NEAR"]),
        ("Will ME be delisted from Kraken?", ["ME"]),
        ("Is OP listed on Upbit by June?", ["OP"]),
        ("Will every wallet convert to ME by May?", ["ME"]),
        ("Will ME be listed on the census?", []),
        ("Will the ME caucus vote?", []),
        ("Will it convert to OP-ED pages?", []),
    ],
)
def test_under_a_tag_of_crypto_less_has_to_be_said(question: str, symbols: list[str]) -> None:
    """Neither clubs nor companies are its subjects; without the tag each stays what it was."""
    assert [*links(question, tag_slugs=("crypto",))] == symbols
    if "token" not in question:
        assert links(question) == {}


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

"""The tables of words: their rows make sense, and nonsense is named."""

from __future__ import annotations

from collections import Counter

from market_assets.features.linking.vocabulary import (
    Alias,
    aliases,
    aliases_of,
    denials,
    key_of,
    words,
)
from market_assets.vocabulary.assets import parse_assets

HEADER = (
    "ticker,formerly,symbols,names,tickers,spot,tags,gecko_ids,parents,protocols,chains,categories"
)


def test_an_asset_is_called_by_names_tickers_tags_and_tokens() -> None:
    """Under its tickers of now and before."""
    row = "POL,MATIC,,Polygon:hint,POL:both|MATIC,UPOL,polygon,matic-network,,,,layer_2"
    (asset,) = parse_assets(f"{HEADER}\n{row}\n")
    both = ("POL", "MATIC")
    assert aliases_of(asset) == (
        Alias("Polygon", both, "name", "hint"),
        Alias("POL", both, "ticker", "both"),
        Alias("MATIC", both, "ticker", "nothing"),
        Alias("polygon", both, "tag", "nothing"),
        Alias("UPOL", both, "spot", "nothing"),
    )


def test_no_alias_stands_twice() -> None:
    """Of one kind, to the letter; and no text is both an alias and denied."""
    counts = Counter((alias.kind, alias.text) for alias in aliases())
    assert [each for each, count in counts.items() if count > 1] == []
    names = {key_of(a.text) for a in aliases() if a.kind in ("name", "ticker")}
    assert [d.text for d in denials() if not d.alias and key_of(d.text) in names] == []


def test_an_alias_of_two_assets_does_not_exist() -> None:
    """Words that mean two assets would link to both."""
    owners: dict[tuple[str, ...], set[str]] = {}
    for alias in aliases():
        if alias.kind in ("name", "ticker"):
            owners.setdefault(key_of(alias.text), set()).add(alias.tickers[0])
    assert {key: who for key, who in owners.items() if len(who) > 1} == {}


def test_what_is_denied_is_an_alias() -> None:
    """A misspelt alias in denials.csv would deny nothing."""
    known = {alias.text.casefold() for alias in aliases()}
    assert [d.alias for d in denials() if d.alias and d.alias.casefold() not in known] == []


def test_words_of_a_text() -> None:
    """Dots, ampersands and apostrophes hold a word together; a possessive and hyphens do not."""
    assert [w.key for w in words("U.S. S&P Pump.fun’s R&D, Doge-1 O'Neal's $ETH")] == [
        "u.s", "s&p", "pump.fun", "r&d", "doge", "1", "o'neal", "eth"
    ]  # fmt: skip
    assert key_of("Bitcoin #### Conference") == key_of("Bitcoin 2027 Conference")

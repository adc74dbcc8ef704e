"""The one table of assets: its rows make sense, and nonsense is named."""

from __future__ import annotations

import pytest

from market_assets.vocabulary.assets import Spelling, VocabularyError, known_assets, parse_assets

HEADER = (
    "ticker,formerly,symbols,names,tickers,spot,tags,gecko_ids,parents,protocols,chains,categories"
)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (",,,Bitcoin,,,,,,,,", "has no ticker"),
        ("BTC,,,Bitcoin||btc,,,,,,,,", "BTC: names .* has an empty entry"),
        ("BTC,,,Bitcoin:luck,,,,,,,,", "BTC: Bitcoin needs 'luck'"),
        ("BTC,,,Bitcoin:cashtag,,,,,,,,", "BTC: Bitcoin: only a ticker can need cashtag"),
        ("BTC,,,Bitcoin,,,,,,,", "a column too many or too few"),
        ("BTC,,,Bitcoin,,,,,,,,,", "a column too many or too few"),
        ("POL,MATIC,,,,,,,,,,\nMATIC,,,,,,,,,,,", "two rows have the ticker MATIC"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(rows: str, says: str) -> None:
    """With what is wrong about it."""
    with pytest.raises(VocabularyError, match=says):
        parse_assets(f"{HEADER}\n{rows}\n")


def test_lines_that_explain_are_left_out() -> None:
    """The top of the file tells a newcomer what the columns mean."""
    (asset,) = parse_assets(f"# why\n{HEADER}\n\nETH,,,Ethereum|Ether:hint,,,,,,,,\n")
    assert asset.names == (Spelling("Ethereum", "nothing"), Spelling("Ether", "hint"))
    assert asset.symbols == ("ETH",), "where the file names no other"


@pytest.mark.parametrize(
    ("ticker", "formerly"), [("POL", "MATIC"), ("S", "FTM"), ("RENDER", "RNDR")]
)
def test_a_coin_that_was_renamed_is_one_row(ticker: str, formerly: str) -> None:
    """Its names, its ids and its categories stand once."""
    (asset,) = (one for one in known_assets() if formerly in one.all_tickers)
    assert asset.all_tickers == (ticker, formerly)


def test_a_lot_of_a_thousand_is_a_symbol_of_its_coin() -> None:
    """KLUNC is no other coin than LUNC."""
    (luna,) = (one for one in known_assets() if "kLUNC" in one.symbols)
    assert (luna.ticker, luna.gecko_ids) == ("LUNC", ("terra-luna",))
    assert not {one.ticker for one in known_assets() if one.ticker.startswith("k")}

"""Which symbol stands for a ticker."""

from __future__ import annotations

from market_assets.features.linking.listings import Listed, Listings

SPOT = {"HYPE": "HYPE", "BTC": "UBTC"}


def symbol(*registry: Listed, ticker: str, trust_builders: bool = True) -> str | None:
    return Listings(registry).symbol((ticker,), spot=SPOT, trust_builders=trust_builders)


PERP = Listed("HYPE", "perp")
SPOT_PAIR = Listed("@107", "spot", display_name="HYPE/USDC")
BUILDER = Listed("hyna:HYPE", "perp", "hyna")
DELISTED = Listed("HYPE", "perp", is_delisted=True)


def test_the_order_of_preference() -> None:
    """First dex, spot pair, builder dex, and last what does not trade now."""
    assert symbol(BUILDER, SPOT_PAIR, PERP, ticker="HYPE") == "HYPE"
    assert symbol(BUILDER, SPOT_PAIR, DELISTED, ticker="HYPE") == "@107"
    assert symbol(BUILDER, DELISTED, ticker="HYPE") == "hyna:HYPE"
    assert symbol(BUILDER, DELISTED, ticker="HYPE", trust_builders=False) == "HYPE"
    assert symbol(DELISTED, ticker="HYPE") == "HYPE"
    assert symbol(ticker="HYPE") is None


def test_lots_of_a_thousand() -> None:
    """PEPE trades as kPEPE; a plain listing comes before it."""
    thousand, one = Listed("kPEPE", "perp"), Listed("PEPE", "perp")
    assert symbol(thousand, ticker="PEPE") == "kPEPE"
    assert symbol(thousand, one, ticker="PEPE") == "PEPE"


def test_a_spot_token_counts_only_where_it_is_known_to_be_the_asset() -> None:
    """Anybody can deploy a token that is called BTC; against dollars, and trading."""
    impostor = Listed("@5", "spot", display_name="BTC/USDC")
    unit = Listed("@142", "spot", display_name="UBTC/USDC")
    other = Listed("@143", "spot", display_name="UBTC/USDH")
    gone = Listed("@144", "spot", display_name="UBTC/USDC", is_delisted=True)
    assert symbol(impostor, other, gone, ticker="BTC") is None
    assert symbol(impostor, unit, ticker="BTC") == "@142"


def test_of_several_tickers_one_that_trades_comes_first() -> None:
    """POL|MATIC: the old name only where the new one is not there."""
    old, new = Listed("MATIC", "perp"), Listed("POL", "perp", is_delisted=True)
    found = Listings([old, new]).symbol(("POL", "MATIC"), spot={}, trust_builders=True)
    assert found == "MATIC"

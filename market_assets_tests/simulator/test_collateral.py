"""Builder dexs of the simulator are settled in tokens that are near a dollar and no dollar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets_tests.simulated import simulated


def test_figures_of_a_dex_settled_in_another_token_are_by_that_tokens_mid() -> None:
    """As read by the client that the project uses: the pair of USDH is @193, that of USDE @150."""
    with simulated(main=4, builder=60, spot=12) as venue:
        client = HyperliquidClient(venue.url)
        frame = frames.asset_contexts(client.asset_contexts().contexts, datetime.now(tz=UTC))
        ranked = {one.symbol: one.volume_24h for one in client.universe().listings}
        client.close()
    rows = {row["symbol"]: row for row in frame.iter_rows(named=True)}
    for token, pair, of_token in (("USDH", "@193", "flx:TSLA"), ("USDE", "@150", "hyna:BTC")):
        price, perp = rows[pair]["mid_px"], rows[of_token]
        assert 0 < abs(price - 1) < 0.01
        assert (perp["quote_token"], perp["quote_usd"]) == (token, price)
        assert perp["volume_24h_usd"] == pytest.approx(perp["volume_24h_quote"] * price)
        assert ranked[of_token] == pytest.approx(perp["volume_24h_usd"], rel=0.05)
    spot = rows["@187"]
    assert (spot["quote_token"], spot["quote_usd"]) == ("USDH", rows["@193"]["mid_px"])
    assert rows["xyz:TSLA"]["quote_usd"] == 1.0

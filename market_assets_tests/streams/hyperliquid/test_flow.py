"""Hyperliquid's flow: what it does when its session tells it something."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from market_assets.clock import ManualClock
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets.streams.candles.bars import MINUTE_MS
from market_assets.streams.core.venue_clock import VenueClock
from market_assets.streams.hyperliquid.flow import HyperliquidFlow
from market_assets.streams.hyperliquid.options import HyperliquidOptions

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def flow(tmp_path: Path) -> HyperliquidFlow:
    """A flow without a venue."""
    store = FileStore(tmp_path / "market.duckdb")
    parts: dict[str, Any] = {
        "client_for": lambda *_: SimpleNamespace(close=lambda: None),
        "feed": lambda *_: SimpleNamespace(want=lambda **_: None),
    }
    return HyperliquidFlow(
        VenueClock(ManualClock(NOW)),
        lambda action, *args: action(*args),
        options=HyperliquidOptions(),
        store=store,
        spool=Spool(store.paths.folder / "spool", limit_bytes=10**6),
        **parts,
    )


def test_who_leads_looks_for_what_both_have_missed(flow: HyperliquidFlow) -> None:
    """What was asked for and reported before is forgotten: the database knows what is missing."""
    flow.healer.scan(["BTC"], 0)
    flow.lead(relieves=True)
    [scan] = flow.healer._scans
    assert scan.until_ms == flow.coverage().settled_ms + MINUTE_MS


def test_a_clock_that_was_ahead_is_told_once_and_everything_is_looked_at_again(
    flow: HyperliquidFlow,
) -> None:
    assert not flow.take_set_back()
    flow._recorder.clock_was_ahead = True
    assert [flow.take_set_back(), flow.take_set_back()] == [True, False]
    flow.set_back()
    assert len(flow.healer._scans) == 1

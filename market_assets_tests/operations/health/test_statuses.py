"""The five statuses, from plain facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.channels import CHANNELS, Channel, channel_of, freshness_window
from market_assets.operations.health.statuses import (
    AssetFacts,
    Attempt,
    Health,
    channel_row,
    status_of,
)
from market_assets.switches import Off

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=6)
FRESH = AssetFacts("a", WINDOW, NOW - timedelta(minutes=1), "run-1", rows_written=5)
OLD = replace(FRESH, materialized_at=NOW - timedelta(minutes=7))
NEVER = AssetFacts("a", WINDOW)


def _attempt(minutes_ago: float, *, failed: bool, run_id: str = "run-2") -> Attempt:
    return Attempt(run_id, NOW - timedelta(minutes=minutes_ago), failed, "boom" if failed else None)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        pytest.param(NEVER, "missing", id="never materialized"),
        pytest.param(replace(NEVER, in_progress=True), "running", id="on its first way"),
        pytest.param(
            replace(NEVER, last_attempt=_attempt(1, failed=True)), "failed", id="first try failed"
        ),
        pytest.param(FRESH, "ok", id="fresh"),
        pytest.param(replace(FRESH, in_progress=True), "running", id="in progress, not late"),
        pytest.param(replace(OLD, in_progress=True), "stale", id="in progress, but late"),
        pytest.param(OLD, "stale", id="late"),
        pytest.param(
            replace(FRESH, last_attempt=_attempt(0.5, failed=True)), "failed", id="failed since"
        ),
        pytest.param(
            replace(FRESH, last_attempt=_attempt(2, failed=True)), "ok", id="failed before"
        ),
        pytest.param(
            replace(FRESH, last_attempt=_attempt(0.5, failed=True, run_id="run-1")),
            "ok",
            id="its run failed on another asset after making this one",
        ),
        pytest.param(
            replace(FRESH, last_attempt=_attempt(0.5, failed=False)), "ok", id="succeeded since"
        ),
        pytest.param(
            replace(FRESH, is_stream=True, in_progress=True), "ok", id="a stream that is on"
        ),
        pytest.param(
            replace(OLD, is_stream=True, in_progress=True), "stale", id="a stream on, but silent"
        ),
        pytest.param(
            replace(
                FRESH,
                is_stream=True,
                last_attempt=_attempt(0.5, failed=True, run_id="run-1"),
            ),
            "failed",
            id="a stream that was killed",
        ),
    ],
)
def test_status(facts: AssetFacts, status: str) -> None:
    assert status_of(facts, NOW) == status


def test_stale_begins_after_the_window_not_at_it() -> None:
    at_the_edge = replace(FRESH, materialized_at=NOW - WINDOW)
    assert status_of(at_the_edge, NOW) == "ok"
    assert status_of(at_the_edge, NOW + timedelta(microseconds=1)) == "stale"


def test_a_channel_is_as_well_as_its_worst_asset_and_as_old_as_its_oldest() -> None:
    row = channel_row("s", "c", timedelta(minutes=1), [FRESH, OLD, NEVER], NOW)
    assert (row.status, row.age_s, row.rows_written) == ("missing", 420.0, 10)
    assert not row.is_good
    assert not Health(NOW, (row,)).ok


def test_a_failed_channel_says_why() -> None:
    failed = replace(FRESH, last_attempt=_attempt(0.5, failed=True))
    assert channel_row("s", "c", timedelta(minutes=1), [FRESH, failed], NOW).last_error == "boom"


def test_an_old_error_of_a_channel_that_is_well_again_is_not_shown() -> None:
    mended = replace(FRESH, last_attempt=_attempt(2, failed=True))
    assert channel_row("s", "c", timedelta(minutes=1), [mended], NOW).last_error is None


@pytest.mark.parametrize(
    ("cadence", "window"), [(60, 360), (300, 600), (301, 602), (3600, 7200), (21600, 43200)]
)
def test_the_window_is_twice_the_cadence_or_five_minutes_more(cadence: int, window: int) -> None:
    assert freshness_window(timedelta(seconds=cadence)) == timedelta(seconds=window)


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=7)))
def test_one_missed_turn_is_forgiven_and_two_are_not_for_long(cadence: timedelta) -> None:
    assert 2 * cadence <= freshness_window(cadence) <= 2 * cadence + timedelta(minutes=5)


def test_every_asset_is_in_one_channel() -> None:
    assets = [asset for channel in CHANNELS for asset in channel.assets]
    assert len(assets) == len(set(assets))
    assert channel_of("hyperliquid_candles").label == "hyperliquid/candles"
    with pytest.raises(KeyError, match="nothing_like_it"):
        channel_of("nothing_like_it")


def test_sources_that_are_off_are_named_where_there_are_any() -> None:
    health = Health(NOW, (), off=(Off("polymarket", "MARKET_SOURCES"),))
    assert health.as_json() == {
        "ok": True,
        "rows": [],
        "off": [{"source": "polymarket", "variable": "MARKET_SOURCES"}],
    }


def test_json_has_the_contract_s_names() -> None:
    row = channel_row("s", "c", timedelta(minutes=1), [FRESH], NOW)
    assert Health(NOW, (row,)).as_json() == {
        "ok": True,
        "rows": [
            {
                "source": "s",
                "channel": "c",
                "status": "ok",
                "expectedCadenceSec": 60.0,
                "staleAfterSec": 360.0,
                "ageSec": 60.0,
                "rowsWritten": 5,
                "lastError": None,
            }
        ],
    }
    assert isinstance(CHANNELS[0], Channel)

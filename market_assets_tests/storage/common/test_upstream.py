"""Rows of simulated venues and of the real ones are never in one file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from market_assets import __version__
from market_assets.clock import ManualClock
from market_assets.sources.hyperliquid import frames
from market_assets.storage.common.errors import OtherUpstream
from market_assets.storage.common.upstream import Upstream
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_MID_PRICES

NOW = datetime(2028, 2, 29, 12, 0, tzinfo=UTC)
MIDS = frames.mids({"BTC": 1.0}, NOW)
OTHER: dict[Upstream, Upstream] = {"live": "simulated", "simulated": "live"}


def store(folder: Path, upstream: Upstream | None) -> FileStore:
    return FileStore(folder / "market.duckdb", upstream=upstream, clock=ManualClock(NOW))


def publication(folder: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / "market.duckdb"), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        found = connection.execute("select * from publication").fetchall()
        return [(at.astimezone(UTC), *rest) for at, *rest in found]


@pytest.mark.parametrize("upstream", ["live", "simulated"])
def test_rows_of_the_other_venues_are_refused(tmp_path: Path, upstream: Upstream) -> None:
    ours = store(tmp_path, upstream)
    ours.merge(HYPERLIQUID_MID_PRICES, MIDS)
    theirs = store(tmp_path, OTHER[upstream])
    with pytest.raises(OtherUpstream) as error:
        theirs.merge(HYPERLIQUID_MID_PRICES, MIDS)
    said = str(error.value)
    assert "\n" not in said
    assert str(tmp_path / "market.duckdb") in said
    assert "MARKET_DB" in said
    store(tmp_path, upstream).merge(HYPERLIQUID_MID_PRICES, MIDS)
    assert store(tmp_path, None).read("select 1 from hyperliquid_mid_prices").height == 1


def test_a_database_without_rows_may_be_for_either(tmp_path: Path) -> None:
    """A first start without a network leaves one, and is told to try simulated venues."""
    store(tmp_path, "live").prepare()
    simulated = store(tmp_path, "simulated")
    simulated.merge(HYPERLIQUID_MID_PRICES, MIDS)
    with pytest.raises(OtherUpstream):
        store(tmp_path, "live").prepare()


def test_a_database_that_says_nothing_is_taken_for_what_comes_first(tmp_path: Path) -> None:
    store(tmp_path, None).merge(HYPERLIQUID_MID_PRICES, MIDS)
    store(tmp_path, "live").prepare()
    with pytest.raises(OtherUpstream, match="holds rows of the real venues"):
        store(tmp_path, "simulated").prepare()


def test_the_published_copy_says_what_it_is(tmp_path: Path) -> None:
    ours = store(tmp_path, "simulated")
    ours.merge(HYPERLIQUID_MID_PRICES, MIDS)
    assert ours.publish(force=True).is_published
    assert publication(tmp_path) == [(NOW, __version__, "simulated")]
    live = ours.read("select published_at, upstream from publication").rows()
    assert live == [(None, "simulated")]
    assert ours.publish(force=True).outcome == "unchanged"


def test_a_store_that_begins_from_a_published_copy_knows_whose_it_is(tmp_path: Path) -> None:
    first = store(tmp_path, "simulated")
    first.merge(HYPERLIQUID_MID_PRICES, MIDS)
    first.publish(force=True)
    first.paths.live.unlink()
    with pytest.raises(OtherUpstream):
        store(tmp_path, "live").prepare()
    assert store(tmp_path, "simulated").read("select 1 from hyperliquid_mid_prices").height == 1


def test_writing_anew_keeps_it(tmp_path: Path) -> None:
    ours = store(tmp_path, "simulated")
    ours.merge(HYPERLIQUID_MID_PRICES, MIDS)
    assert ours.compact(force=True).is_done
    with pytest.raises(OtherUpstream):
        store(tmp_path, "live").prepare()

"""Retention as far as the clock can be believed: what is deleted cannot be had again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from market_assets.operations.maintenance.retention import Deletion, delete_old
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    FOR_EVER,
    INGESTION_GAPS,
    POLYMARKET_MARKET_ASSET_LINKS,
    POLYMARKET_MARKETS,
    Column,
    Retention,
    TableSpec,
)

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

FEED = TableSpec(
    name="feed",
    grain="one row per instant",
    columns=(
        Column("at", "TIMESTAMPTZ", "When.", required=True),
        Column("ingested_at", "TIMESTAMPTZ", "When it was received.", required=True),
    ),
    key=("at",),
    time_column="at",
    retention=(Retention(30 * DAY, "KEEP_FEED"),),
)
BLINK = TableSpec(
    name="blink",
    grain="one row per instant, not for long",
    columns=FEED.columns,
    key=("at",),
    time_column="at",
    retention=(Retention(HOUR, "KEEP_BLINK"),),
)
TABLES = (FEED, BLINK, INGESTION_GAPS)


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb", tables=TABLES)


def put(store: FileStore, table: TableSpec, *ages: timedelta, count: int = 1) -> None:
    """Rows of these ages, `count` a second apart for each, received when they speak for."""
    at = [NOW - age - n * timedelta(seconds=1) for age in ages for n in range(count)]
    frame = pl.DataFrame({"at": at, "ingested_at": at}, schema=table.schema)
    store.merge(table, frame)


def rows(store: FileStore, table: TableSpec) -> int:
    return int(store.read(f"select count(*) as n from {table.name}")["n"].item())  # noqa: S608 - a test's own


def clean(store: FileStore, *, ahead: timedelta = timedelta(0), anyway: bool = False) -> Deletion:
    return delete_old(store, TABLES, retention={}, now=NOW + ahead, anyway=anyway)


def test_in_good_order_age_is_the_present_s(store: FileStore) -> None:
    """The newest row is a moment old; what is past its time goes to the second."""
    put(store, FEED, timedelta(minutes=3), 30 * DAY - HOUR, 30 * DAY + timedelta(seconds=1))
    assert clean(store) == Deletion({"feed": 1}, {})


@pytest.mark.parametrize("ahead", [31 * DAY, 40 * DAY, 4000 * DAY])
def test_a_clock_that_is_ahead_deletes_nothing(store: FileStore, ahead: timedelta) -> None:
    """Age counts from the newest row: however few there are."""
    put(store, FEED, timedelta(0), 10 * DAY, 29 * DAY)
    assert clean(store, ahead=ahead) == Deletion({}, {})
    assert rows(store, FEED) == 3


def test_nor_when_the_first_rows_of_that_clock_are_there(store: FileStore) -> None:
    """They make the newest row new; that all others would go is refused, and said."""
    put(store, FEED, *(n * DAY for n in range(20)), count=100)
    put(store, FEED, -40 * DAY, count=50)
    done = clean(store, ahead=40 * DAY)
    assert done.deleted == {}
    assert done.refused == {
        "feed": "2,000 of 2,050 rows of feed would be deleted at once: is the clock right? "
        "It says 2026-12-30 12:00 UTC"
    }
    assert clean(store, ahead=40 * DAY, anyway=True).deleted == {"feed": 2000}


def test_other_tables_are_cleaned_all_the_same(store: FileStore) -> None:
    """A refusal is of one table."""
    put(store, FEED, 31 * DAY, count=200)
    put(store, FEED, timedelta(0))
    put(store, BLINK, timedelta(0), 2 * HOUR)
    done = clean(store)
    assert (done.deleted, list(done.refused)) == ({"blink": 1}, ["feed"])


def test_what_is_kept_for_hours_may_go_whole(store: FileStore) -> None:
    """After a night without a stream nothing else is to be expected."""
    put(store, BLINK, 9 * HOUR, count=500)
    put(store, BLINK, timedelta(0))
    assert clean(store) == Deletion({"blink": 500}, {})


def test_a_share_of_few_rows_says_nothing(store: FileStore) -> None:
    put(store, FEED, 31 * DAY, count=50)
    put(store, FEED, timedelta(0))
    assert clean(store) == Deletion({"feed": 50}, {})


def test_a_source_without_news_keeps_its_last_rows(store: FileStore) -> None:
    """It is off since a year: nothing is gained by deleting the last that is known."""
    put(store, FEED, 365 * DAY, 390 * DAY, 400 * DAY)
    assert clean(store) == Deletion({"feed": 1}, {})


@pytest.mark.parametrize("source", ["hyperliquid", "a third venue", "polymarket"])
def test_gaps_of_any_source_go_but_those_that_can_still_be_read(
    store: FileStore, source: str
) -> None:
    """An open one stays only where the venue has what is missing for years."""
    at = NOW - 8 * DAY
    frame = pl.DataFrame(
        [
            {
                "source": source,
                "channel": "any",
                "symbol": symbol,
                "gap_from_at": at - HOUR,
                "gap_to_at": at,
                "cause": "any",
                "detected_at": at,
                "healed_at": healed_at,
            }
            for symbol, healed_at in (("open", None), ("healed", at))
        ],
        schema=INGESTION_GAPS.schema,
    )
    store.merge(INGESTION_GAPS, frame)
    clean(store)
    left = store.read("select symbol from ingestion_gaps")["symbol"].to_list()
    assert left == (["open"] if source == "polymarket" else [])


def test_closed_markets_go_with_their_links_once_a_setting_says_so(tmp_path: Path) -> None:
    """Open ones stay however old they are, and so does one that nobody knows when it closed."""
    tables = (POLYMARKET_MARKETS, POLYMARKET_MARKET_ASSET_LINKS)
    store = FileStore(tmp_path / "market.duckdb", tables=tables)
    ages = {"old": 200 * DAY, "new": 20 * DAY, "open": None, "unknown": None}
    old = NOW - 400 * DAY
    required = {"first_seen_at": old, "updated_at": old, "ingested_at": old}
    markets = [
        {
            **dict.fromkeys(POLYMARKET_MARKETS.required, "x"),
            **required,
            "condition_id": name,
            "closed": name != "open",
            "closed_at": None if age is None else NOW - age,
        }
        for name, age in ages.items()
    ]
    store.merge(POLYMARKET_MARKETS, pl.DataFrame(markets, schema=POLYMARKET_MARKETS.schema))
    links = [
        {
            **dict.fromkeys(POLYMARKET_MARKET_ASSET_LINKS.required, "x"),
            "condition_id": name,
            "symbol": "BTC",
            "confidence": 0.9,
            "linked_at": old,
        }
        for name in ages
    ]
    frame = pl.DataFrame(links, schema=POLYMARKET_MARKET_ASSET_LINKS.schema)
    store.merge(POLYMARKET_MARKET_ASSET_LINKS, frame)

    def round_of(kept: timedelta) -> Deletion:
        said = {"MARKET_KEEP_CLOSED_MARKETS_HOURS": kept}
        return delete_old(store, tables, retention=said, now=NOW)

    assert delete_old(store, tables, retention={}, now=NOW) == Deletion({}, {})
    assert round_of(FOR_EVER) == Deletion({}, {})
    assert round_of(180 * DAY) == Deletion({"polymarket_markets": 1}, {})
    assert round_of(180 * DAY) == Deletion({"polymarket_market_asset_links": 1}, {})
    assert round_of(180 * DAY) == Deletion({}, {})
    assert set(store.read("select condition_id from polymarket_markets")["condition_id"]) == {
        "new",
        "open",
        "unknown",
    }

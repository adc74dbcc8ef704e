"""A month of closed events: all of them, day by day, going on where it was broken off."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.ingestion.polymarket.closed_history import read_month
from market_assets.sources.errors import VenueUnavailable
from market_assets.sources.polymarket.model import Event, EventPage, Market
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    INGESTION_GAPS,
    INGESTION_RUNS,
    POLYMARKET_BOOKS,
    POLYMARKET_EVENTS,
    POLYMARKET_MARKETS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from market_assets.ingestion.polymarket.closed_history import MonthRead

NOW = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)
MONTH = date(2026, 9, 1)


def event(number: int, end_at: datetime) -> Event:
    """A closed event with two markets."""
    markets = tuple(
        Market(
            condition_id=f"0x{number}-{side}",
            event_id=str(number),
            question=f"Will {number} be {side}?",
            outcomes=("Yes", "No"),
            closed=True,
            neg_risk=False,
            end_at=end_at,
            winning_outcome="Yes",
        )
        for side in (1, 2)
    )
    return Event(event_id=str(number), closed=True, end_at=end_at, markets=markets)


def september() -> list[Event]:
    """Three events of each fifth day, at its begin and end too, and some around the month."""
    first = datetime(2026, 9, 1, tzinfo=UTC)
    days = (0, 5, 10, 15, 20, 25, 29)
    ends = [first + timedelta(days=day, seconds=s) for day in days for s in (0, 40_000, 86_399)]
    ends += [first - timedelta(seconds=1), first + timedelta(days=30, seconds=1)]
    return [event(number, end_at) for number, end_at in enumerate(ends)]


@dataclass
class Catalogue:
    """`GammaClient.event_pages` of a list.

    Attributes:
        found: its events.
        before: called with the number of each page before it is given.
        pages: so many were given.
        asked: begin and end of each walk.
    """

    found: list[Event]
    before: Callable[[int], None] = lambda _: None
    pages: int = 0
    asked: list[tuple[datetime | None, datetime | None]] = field(default_factory=list)

    def event_pages(
        self,
        *,
        closed: bool | None = False,
        end_min: datetime | None = None,
        end_max: datetime | None = None,
    ) -> Iterator[EventPage]:
        assert closed is True
        assert end_min is not None
        assert end_max is not None
        self.asked.append((end_min, end_max))
        shown = [one for one in self.found if one.end_at and end_min <= one.end_at <= end_max]
        for at in range(0, max(len(shown), 1), 100):
            self.pages += 1
            self.before(self.pages)
            yield EventPage(tuple(shown[at : at + 100]), None, {f"event [{at}]": "no id"})


@dataclass
class Desk:
    """A store with the tables of the catalogue, and a clock."""

    store: FileStore
    clock: ManualClock

    def read(self, client: Catalogue, month: date = MONTH, **more: Any) -> MonthRead:
        """One run."""
        runs = [
            IngestionRun("polymarket", "closed_markets_history", table, self.clock.now())
            for table in (POLYMARKET_EVENTS.name, POLYMARKET_MARKETS.name)
        ]
        return read_month(client, self.store, month, clock=self.clock, runs=runs, **more)

    def ids(self) -> set[int]:
        """Stored events."""
        found = self.store.read("select event_id::bigint from polymarket_events")
        return {number for (number,) in found.rows()}

    def gaps(self) -> list[tuple[Any, ...]]:
        """Begin and end of what is left of a month."""
        return self.store.read(
            "select symbol, gap_from_at, gap_to_at from ingestion_gaps where healed_at is null"
        ).rows()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty store."""
    tables = (
        POLYMARKET_EVENTS,
        POLYMARKET_MARKETS,
        POLYMARKET_BOOKS,
        INGESTION_GAPS,
        INGESTION_RUNS,
    )
    clock = ManualClock(NOW)
    return Desk(FileStore(tmp_path / "market.duckdb", tables=tables, steps=(), clock=clock), clock)


def test_a_month_is_read_whole(desk: Desk) -> None:
    """Every event that ended in it, with its markets; progress after each day."""
    client, told = Catalogue(september()), list[str]()
    done = desk.read(client, progress=lambda so_far: told.append(str(so_far)))
    assert desk.ids() == set(range(21))
    markets = desk.store.read("select condition_id, winning_outcome from polymarket_markets")
    assert markets.height == 42
    assert (done.events.inserted, done.markets.inserted) == (21, 42)
    assert (done.reached, done.is_over, done.pages) == (MONTH, True, client.pages)
    assert told[0] == "3 events with 6 markets, back to 2026-09-30, 1 pages"
    assert len(told) == 30
    assert desk.gaps() == []
    runs = desk.store.read("select asset_key, rows_written from ingestion_runs order by 1").rows()
    assert runs == [("polymarket_events", 21), ("polymarket_markets", 42)]


def test_how_the_winners_of_a_month_are_known_is_counted(desk: Desk) -> None:
    """Of the whole month, whichever run read it; open markets and other months do not count."""
    year = datetime(2026, 9, 5, tzinfo=UTC)
    sources = ("oracle", "oracle", "payout", None)
    markets = [
        Market(condition_id=f"0x{n}", event_id="1", closed=True, end_at=year, winner_source=source)
        for n, source in enumerate(sources)
    ]
    markets.append(Market(condition_id="0xopen", event_id="1", closed=False, end_at=year))
    client = Catalogue([Event(event_id="1", closed=True, end_at=year, markets=tuple(markets))])
    assert desk.read(client).won == {"oracle": 2, "payout": 1, "unknown": 1}
    client.found.append(event(2, datetime(2026, 8, 5, tzinfo=UTC)))
    assert desk.read(client, date(2026, 8, 1)).won == {"unknown": 2}


def test_twice_changes_nothing_but_the_time_of_receipt(desk: Desk) -> None:
    """When an event was first seen, and when it last changed, stays."""
    client = Catalogue(september())
    desk.read(client)
    columns = "event_id, first_seen_at, updated_at, closed"
    before = desk.store.read(f"select {columns} from polymarket_events order by 1")  # noqa: S608 - a test's own
    desk.clock.advance(60)
    done = desk.read(client)
    assert done.events.inserted == 0
    assert done.rejected == done.pages, "entries that make no sense are counted, with samples"
    assert done.samples == {"event [0]": "no id"}
    after = desk.store.read(f"select {columns} from polymarket_events order by 1")  # noqa: S608 - a test's own
    assert after.equals(before)


def test_many_events_of_a_day_are_written_in_pieces(desk: Desk) -> None:
    """Memory is that of a thousand events, however many a day has."""
    day = datetime(2026, 9, 7, 12, tzinfo=UTC)
    client, told = Catalogue([event(n, day) for n in range(2010)]), list[int]()
    done = desk.read(client, progress=lambda so_far: told.append(so_far.events.rows))
    assert {1000, 2000, 2010} <= set(told)
    assert done.markets.inserted == 4020


def test_a_broken_off_month_goes_on_where_it_was(desk: Desk) -> None:
    """Days that are stored are not asked for again."""
    client = Catalogue(september())

    def fail(page: int) -> None:
        if page == 11:
            raise VenueUnavailable("polymarket", "GET /events/keyset: 503")

    client.before = fail
    with pytest.raises(VenueUnavailable):
        desk.read(client)
    assert desk.ids() == set(range(12, 21))
    first, broken = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 21, tzinfo=UTC)
    assert desk.gaps() == [("2026-09", first, broken)]
    client.before, client.asked = lambda _: None, []
    done = desk.read(client)
    assert (done.resumed_at, client.asked[0][1], len(client.asked)) == (broken, broken, 20)
    assert desk.ids() == set(range(21))
    assert desk.gaps() == []


def test_one_that_was_broken_off_long_ago_begins_anew(desk: Desk) -> None:
    """Events close days after they end: the days above may have new ones."""
    client = Catalogue(september())

    def fail(page: int) -> None:
        if page == 11:
            raise VenueUnavailable("polymarket", "GET /events/keyset: 503")

    client.before = fail
    with pytest.raises(VenueUnavailable):
        desk.read(client)
    client.before = lambda _: None
    client.found.append(event(500, datetime(2026, 9, 29, 5, tzinfo=UTC)))
    desk.clock.advance(2 * 86_400)
    assert desk.read(client).resumed_at is None
    assert 500 in desk.ids()
    assert desk.gaps() == []


def test_what_the_book_confirmed_is_not_overwritten(desk: Desk) -> None:
    """`neg_risk` as the CLOB said it stays, as in the discovery."""
    client = Catalogue(september())
    desk.read(client)
    markets = desk.store.read("select * from polymarket_markets where condition_id = '0x4-1'")
    soon = pl.col("ingested_at") + timedelta(seconds=1)
    said = markets.with_columns(soon, neg_risk=True, neg_risk_source=pl.lit("clob"))
    desk.store.merge(POLYMARKET_MARKETS, said)
    desk.clock.advance(60)
    desk.read(client)
    kept = desk.store.read(
        "select condition_id, ingested_at from polymarket_markets"
        " where neg_risk and neg_risk_source = 'clob'"
    )
    assert kept.rows() == [("0x4-1", NOW + timedelta(seconds=60))]


def test_a_month_to_come_is_refused(desk: Desk) -> None:
    """And one that is not over says so."""
    with pytest.raises(ValueError, match="2026-12 has not begun; it is 2026-11-19 UTC"):
        desk.read(Catalogue([]), date(2026, 12, 5))
    assert not desk.read(Catalogue([]), date(2026, 11, 5)).is_over

"""The walk of the catalogue: what is written, when, and what becomes of what left the list."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.ingestion.polymarket import catalogue
from market_assets.ingestion.polymarket.catalogue import Catalogue, Discovery, read_tags
from market_assets.sources.errors import VenueError, VenueNonsense
from market_assets.sources.polymarket.model import Sport, Tag, Tags
from market_assets.storage.common.changes import Merge
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets.tables import POLYMARKET_BOOKS, POLYMARKET_MARKETS
from market_assets_tests.ingestion.polymarket.listed import NOW, FakeGamma, closed, event, market

BOTH = ("polymarket_events", "polymarket_markets")


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def walk(
    gamma: FakeGamma,
    store: FileStore,
    clock: ManualClock,
    assets: tuple[str, ...] = BOTH,
    most_pages: int | None = None,
) -> Discovery:
    runs = [
        IngestionRun("polymarket", asset.partition("_")[2], asset, clock.now()) for asset in assets
    ]
    return Catalogue(gamma, store, clock=clock, runs=runs, most_pages=most_pages).refresh()  # type: ignore[arg-type]


def markets(store: FileStore) -> dict[str, dict[str, object]]:
    rows = store.read("select * from polymarket_markets").rows(named=True)
    return {row["condition_id"]: row for row in rows}


def test_a_walk_writes_every_event_and_market_and_counts_them(
    store: FileStore, clock: ManualClock
) -> None:
    gamma = FakeGamma(
        pages=[
            [event("1", market("0xa"), market("0xb"))],
            [event("2", market("0xc", event_id="2"))],
        ],
        rejected={"market 0xd": "it makes no sense"},
    )
    done = walk(gamma, store, clock)
    assert (done.pages, done.open_events, done.open_markets) == (2, 2, 3)
    assert done.rejected == {"market 0xd": "it makes no sense"}
    assert set(markets(store)) == {"0xa", "0xb", "0xc"}
    assert gamma.asked == []
    counted = store.read("select asset_key, rows_written, status from ingestion_runs order by 1")
    assert counted.rows() == [("polymarket_events", 2, "ok"), ("polymarket_markets", 3, "ok")]


def test_a_walk_in_several_transactions_adds_them_up(
    store: FileStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So memory stays that of a few pages."""
    monkeypatch.setattr(catalogue, "_EVENTS_A_WRITE", 2)
    pages = [[event(str(nth), market(f"0x{nth}"))] for nth in range(5)]
    done = walk(FakeGamma(pages=pages), store, clock)
    assert done.events is not None
    assert done.markets is not None
    assert (done.events.inserted, done.markets.inserted) == (5, 5)


def test_first_seen_stays_and_updated_moves_only_with_the_content(
    store: FileStore, clock: ManualClock
) -> None:
    gamma = FakeGamma(pages=[[event("1", market("0xa"), market("0xb"))]])
    walk(gamma, store, clock)
    clock.advance(600)
    gamma.pages = [[event("1", market("0xa"), market("0xb", best_bid=0.2))]]
    walk(gamma, store, clock)
    later = NOW + timedelta(seconds=600)
    rows = markets(store)
    assert {r["first_seen_at"] for r in rows.values()} == {NOW}
    assert (rows["0xa"]["updated_at"], rows["0xb"]["updated_at"]) == (NOW, later)
    assert {r["ingested_at"] for r in rows.values()} == {later}


def test_what_left_the_list_gets_its_final_state(store: FileStore, clock: ManualClock) -> None:
    """An event brings its markets along; a market that left alone is asked for by itself."""
    gamma = FakeGamma(
        pages=[[event("1", market("0xa")), event("2", market("0xb", event_id="2"), market("0xc"))]]
    )
    walk(gamma, store, clock)
    gamma.pages = [[event("2", market("0xb", event_id="2"))]]
    gamma.known_events = {"1": event("1", closed("0xa"), closed=True)}
    gamma.known_markets = {"0xc": closed("0xc", winning_outcome="No", event_id=None)}
    clock.advance(600)
    done = walk(gamma, store, clock)
    assert gamma.asked == [("1",), ("0xc",)]
    assert (done.looked_up, done.not_found) == (2, 0)
    rows = markets(store)
    assert [rows[i]["winning_outcome"] for i in ("0xa", "0xb", "0xc")] == ["Yes", None, "No"]
    assert rows["0xc"]["event_id"] == "1", "a look-up by id does not tell it"
    assert store.read("select closed from polymarket_events where event_id = '1'").item() is True
    walk(gamma, store, clock)
    assert len(gamma.asked) == 2, "what is closed and resolved is not asked for again"


def test_a_closed_market_is_asked_for_until_the_oracle_has_said_the_last_word(
    store: FileStore, clock: ManualClock
) -> None:
    waiting = closed("0xa", resolution_status="proposed", winning_outcome=None)
    gamma = FakeGamma(pages=[[event("1", market("0xa"))]])
    walk(gamma, store, clock)
    gamma.pages = [[event("2", market("0xb", event_id="2"))]]
    gamma.known_events = {"1": event("1", waiting, closed=True)}
    gamma.known_markets = {"0xa": waiting}
    clock.advance(600)
    walk(gamma, store, clock)
    assert markets(store)["0xa"]["winning_outcome"] is None
    gamma.known_markets = {"0xa": closed("0xa")}
    clock.advance(600)
    walk(gamma, store, clock)
    assert markets(store)["0xa"]["winning_outcome"] == "Yes"


def test_what_the_venue_takes_back_is_unlisted_and_looked_up_no_more(
    store: FileStore, clock: ManualClock
) -> None:
    """After three look-ups over an hour; nothing else changes, and it comes back with the list."""
    whole = [event("1", market("0xa")), event("2", market("0xb", event_id="2"), market("0xc"))]
    gamma = FakeGamma(pages=[whole])
    walk(gamma, store, clock)
    gamma.pages = [[event("1", market("0xa"))]]
    for minutes in (10, 20, 65):
        clock.advance(60 * minutes)
        done = walk(gamma, store, clock)
    assert gamma.asked == [("2",), ("0xb", "0xc")] * 3
    assert done.unlisted == {"polymarket_events": 1, "polymarket_markets": 2}
    rows = markets(store)
    assert {name: row["is_listed"] for name, row in rows.items()} == {
        "0xa": True,
        "0xb": False,
        "0xc": False,
    }
    assert rows["0xb"]["last_listed_at"] == NOW
    assert rows["0xb"]["closed"] is False, "nobody said so"
    for _ in range(3):
        clock.advance(600)
        assert walk(gamma, store, clock).not_found == 0
    assert len(gamma.asked) == 6
    gamma.pages = [whole]
    clock.advance(600)
    walk(gamma, store, clock)
    assert {row["is_listed"] for row in markets(store).values()} == {True}
    assert store.read("select distinct is_listed, times_missed from polymarket_events").rows() == [
        (True, 0)
    ]


def test_a_miss_alone_changes_nothing_that_is_known(store: FileStore, clock: ManualClock) -> None:
    """`updated_at` speaks of the market, not of who asked for it; one good answer is enough."""
    gamma = FakeGamma(pages=[[event("1", market("0xa")), event("2", market("0xb", event_id="2"))]])
    walk(gamma, store, clock)
    gamma.pages = [[event("1", market("0xa"))]]
    for found in ({}, {}, {"0xb": market("0xb", event_id=None)}, {}, {}):
        gamma.known_markets = found
        clock.advance(3600)
        walk(gamma, store, clock)
    row = markets(store)["0xb"]
    assert (row["is_listed"], row["times_missed"], row["updated_at"]) == (True, 2, NOW)


@pytest.mark.parametrize(
    "rejected", [{"market 0xb": "outcomes cannot be read"}, {"market [3]": "it is no object"}]
)
def test_what_could_not_be_read_is_not_missed(
    rejected: dict[str, str], store: FileStore, clock: ManualClock
) -> None:
    """It came under its name, or as something that may have been it."""
    gamma = FakeGamma(pages=[[event("1", market("0xa"), market("0xb"))]])
    walk(gamma, store, clock)
    gamma.pages, gamma.unread = [[event("1", market("0xa"))]], rejected
    for _ in range(5):
        clock.advance(3600)
        walk(gamma, store, clock)
    assert markets(store)["0xb"]["times_missed"] == 0


def test_a_look_up_that_finds_none_of_many_is_believed_after_a_day(
    store: FileStore, clock: ManualClock
) -> None:
    """An outage that answers with empty lists does not unlist what has just closed."""
    many = [event(str(n), market(f"0x{n}", event_id=str(n))) for n in range(12)]
    gamma = FakeGamma(pages=[many])
    walk(gamma, store, clock)
    gamma.pages = [many[:1]]
    unlisted = []
    for _ in range(5):
        clock.advance(8 * 3600)
        unlisted.append(len(walk(gamma, store, clock).unlisted))
    assert unlisted == [0, 0, 0, 2, 0]


def test_those_that_were_missed_do_not_keep_others_from_being_looked_up(
    store: FileStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run has a bound; what it asked for in vain comes last in the next one."""
    monkeypatch.setattr(catalogue, "_LOOKUPS", 2)
    many = [event(str(n), market(f"0x{n}", event_id=str(n))) for n in range(4)]
    gamma = FakeGamma(pages=[many])
    walk(gamma, store, clock, ("polymarket_events",))
    gamma.pages = [[event("9", market("0x9"))]]
    for _ in range(2):
        clock.advance(600)
        walk(gamma, store, clock, ("polymarket_events",))
    assert gamma.asked == [("0", "1"), ("2", "3")]


def test_a_walk_that_breaks_off_keeps_what_it_read_and_closes_nothing(
    store: FileStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it did not reach is not taken for gone."""
    monkeypatch.setattr(catalogue, "_EVENTS_A_WRITE", 1)
    gamma = FakeGamma(pages=[[event("1", market("0xa"))], [event("2", market("0xb"))]])
    walk(gamma, store, clock)
    gamma.breaks_at = 1
    gamma.pages[0] = [event("1", market("0xa", best_bid=0.3))]
    clock.advance(600)
    with pytest.raises(VenueError, match="went away"):
        walk(gamma, store, clock)
    assert gamma.asked == []
    assert markets(store)["0xa"]["best_bid"] == 0.3
    assert markets(store)["0xb"]["closed"] is False


def test_a_walk_cut_short_takes_only_what_has_ended_for_gone(
    store: FileStore, clock: ManualClock
) -> None:
    """A laptop reads a few pages; the rest of the list is not looked up one by one."""
    ended = NOW - timedelta(minutes=1)
    over = event("2", market("0xb", event_id="2", end_at=ended), end_at=ended)
    gamma = FakeGamma(pages=[[event("1", market("0xa"))], [over], [event("3", market("0xc"))]])
    walk(gamma, store, clock)
    clock.advance(600)
    done = walk(gamma, store, clock, most_pages=1)
    assert (done.pages, done.is_whole) == (1, False)
    assert gamma.asked == [("2",), ("0xb",)]
    assert walk(gamma, store, clock, most_pages=3).is_whole


def test_one_of_the_two_tables_can_be_had_alone(store: FileStore, clock: ManualClock) -> None:
    gamma = FakeGamma(pages=[[event("1", market("0xa"))]])
    done = walk(gamma, store, clock, ("polymarket_markets",))
    assert done.events is None
    assert done.markets is not None
    assert store.read("select count(*) from polymarket_events").item() == 0


def test_neg_risk_as_the_clob_said_survives_a_walk(store: FileStore, clock: ManualClock) -> None:
    gamma = FakeGamma(pages=[[event("1", market("0xa"), market("0xb"))]])
    walk(gamma, store, clock)
    said = store.read("select * from polymarket_markets where condition_id = '0xa'").with_columns(
        pl.col("ingested_at") + timedelta(seconds=1),
        neg_risk=pl.lit(value=True),
        neg_risk_source=pl.lit("clob"),
    )
    store.write(Merge(POLYMARKET_MARKETS, said))
    clock.advance(600)
    walk(gamma, store, clock)
    rows = markets(store)
    assert (rows["0xa"]["neg_risk"], rows["0xa"]["neg_risk_source"]) == (True, "clob")
    assert (rows["0xb"]["neg_risk"], rows["0xb"]["neg_risk_source"]) == (False, "gamma")


def test_neg_risk_of_a_book_that_stands_wins(store: FileStore, clock: ManualClock) -> None:
    """The CLOB has said so over its channel; a book of which it has not is no witness."""
    gamma = FakeGamma(pages=[[event("1", market("0xa"), market("0xb"))]])
    book = {
        "best_bid": 0.4,
        "bid_depth_5c_usd": 1.0,
        "ask_depth_5c_usd": 0.0,
        "levels": 1,
        "neg_risk": True,
        "book_at": NOW,
        "source": "stream",
        "ingested_at": NOW,
    }
    rows = [
        book | {"token_id": "1", "condition_id": "0xa", "neg_risk_source": "clob"},
        book | {"token_id": "2", "condition_id": "0xb", "neg_risk_source": "gamma"},
    ]
    full = [{name: row.get(name) for name in POLYMARKET_BOOKS.column_names} for row in rows]
    walk(gamma, store, clock)
    store.merge(POLYMARKET_BOOKS, pl.DataFrame(full, schema=POLYMARKET_BOOKS.schema))
    clock.advance(600)
    walk(gamma, store, clock)
    found = markets(store)
    assert (found["0xa"]["neg_risk"], found["0xa"]["neg_risk_source"]) == (True, "clob")
    assert (found["0xb"]["neg_risk"], found["0xb"]["neg_risk_source"]) == (False, "gamma")


def test_an_open_list_without_an_event_is_not_believed(
    store: FileStore, clock: ManualClock
) -> None:
    """Ten open events do not all vanish between two walks: that is an outage, told as one."""
    everything = [event(str(n), market(f"0x{n}")) for n in range(10)]
    walk(FakeGamma(pages=[everything]), store, clock)
    gone = FakeGamma(pages=[[]])
    with pytest.raises(VenueNonsense, match="/events/keyset: an empty answer, and 10 are known"):
        walk(gone, store, clock)
    assert gone.asked == []


def test_no_tags_and_no_sports_are_not_believed(store: FileStore, clock: ManualClock) -> None:
    """Without a sport every tag would cease to be one of a sport."""

    class Gamma:
        def __init__(self, tags: int, sports: int) -> None:
            self._tags = tuple(Tag(str(n), f"tag {n}", f"tag-{n}") for n in range(tags))
            self._sports = tuple(Sport(f"sport {n}", (str(n),)) for n in range(sports))

        def tags(self) -> Tags:
            return Tags(self._tags, {})

        def sports(self) -> tuple[Sport, ...]:
            return self._sports

    read_tags(Gamma(12, 11), store, clock=clock)  # type: ignore[arg-type]
    with pytest.raises(VenueNonsense, match="/sports: an empty answer, and 11 are known"):
        read_tags(Gamma(12, 0), store, clock=clock)  # type: ignore[arg-type]
    with pytest.raises(VenueNonsense, match="/tags"):
        read_tags(Gamma(0, 11), store, clock=clock)  # type: ignore[arg-type]
    assert store.read("select count(*) from polymarket_tags where is_sport").item() == 11


@pytest.mark.parametrize(
    ("left", "rejected", "stored"),
    [
        (range(199), {}, 199),
        (range(199), {"tag 7": "no slug"}, 200),
        (range(100), {}, 200),
    ],
    ids=["one less", "one less and one unreadable", "half of them"],
)
def test_a_tag_that_is_gone_goes_unless_the_list_is_a_part(
    store: FileStore, clock: ManualClock, left: range, rejected: dict[str, str], stored: int
) -> None:
    class Gamma:
        tags_now = Tags(tuple(Tag(str(n), f"tag {n}", f"tag-{n}") for n in range(200)), {})

        def tags(self) -> Tags:
            return self.tags_now

        def sports(self) -> tuple[Sport, ...]:
            return ()

    gamma: Any = Gamma()
    read_tags(gamma, store, clock=clock)
    clock.advance(3600)
    run = IngestionRun("polymarket", "tags", "polymarket_tags", started_at=clock.now())
    gamma.tags_now = Tags(tuple(gamma.tags_now.tags[n] for n in left), rejected)
    read_tags(gamma, store, clock=clock, run=run)
    assert store.read("select count(*) from polymarket_tags").item() == stored
    assert bool(run.left_out) is (stored == 200)
    read_tags(gamma, store, clock=clock, believe=True)
    assert store.read("select count(*) from polymarket_tags").item() == len(left)


def test_tags_say_which_of_them_a_sport_names(store: FileStore, clock: ManualClock) -> None:
    class Gamma:
        def tags(self) -> Tags:
            return Tags((Tag("1", "Sports", "sports"), Tag("21", "Crypto", "crypto")), {"x": "bad"})

        def sports(self) -> tuple[Sport, ...]:
            return (Sport("nfl", ("1", "99")),)

    read = read_tags(Gamma(), store, clock=clock)  # type: ignore[arg-type]
    rows = store.read("select tag_id, is_sport from polymarket_tags order by tag_id").rows()
    assert rows == [("1", True), ("21", False)]
    assert (read.sports, read.rejected) == (1, {"x": "bad"})

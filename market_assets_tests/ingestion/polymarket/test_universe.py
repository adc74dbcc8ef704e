"""Which markets are tracked and why; their open interest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.ingestion.polymarket.open_interest import read_open_interest
from market_assets.ingestion.polymarket.universe import (
    UniverseChosen,
    UniverseRules,
    choose_universe,
)
from market_assets.sources.errors import VenueBusy, VenueNonsense
from market_assets.sources.polymarket import frames
from market_assets.sources.polymarket.model import Event, Market
from market_assets.storage.common.changes import Merge
from market_assets.storage.files.store import FileStore
from market_assets.tables import POLYMARKET_EVENTS, POLYMARKET_MARKETS
from market_assets_tests.ingestion.polymarket.listed import (
    NOW,
    FakeData,
    FakeGamma,
    closed,
    event,
    market,
)

RULES = UniverseRules(
    size=10, liquidity_usd=1_000, volume_24h_usd=2_000, open_interest_usd=10_000, manual=()
)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def quiet(condition_id: str, **changes: object) -> Market:
    """A market with figures below every threshold."""
    return market(condition_id, **{"liquidity_usd": 1.0, "volume_24h_usd": None, **changes})


def listed(store: FileStore, *events: Event) -> None:
    store.write(
        Merge(POLYMARKET_EVENTS, frames.events(events, NOW)),
        Merge(POLYMARKET_MARKETS, frames.markets([m for e in events for m in e.markets], NOW)),
    )


def choose(
    store: FileStore,
    clock: ManualClock,
    data: FakeData,
    rules: UniverseRules = RULES,
    gamma: FakeGamma | None = None,
) -> UniverseChosen:
    return choose_universe(gamma or FakeGamma(), data, store, rules=rules, clock=clock)  # type: ignore[arg-type]


def test_what_the_venue_took_back_leaves_the_universe(store: FileStore, clock: ManualClock) -> None:
    """Its last figures would keep its seat for ever."""
    listed(store, event("1", market("0xa"), market("0xb")))
    gone = store.read("select * from polymarket_markets where condition_id = '0xb'").with_columns(
        pl.col("ingested_at") + timedelta(hours=1), is_listed=pl.lit(value=False)
    )
    store.merge(POLYMARKET_MARKETS, gone)
    assert [row[1] for row in chosen(choose(store, clock, FakeData()))] == ["0xa"]


def chosen(found: UniverseChosen) -> list[tuple[object, ...]]:
    return found.frame.select("rank", "condition_id", "reason").rows()


def test_each_is_in_for_the_figure_by_which_it_surpasses_its_threshold_the_most(
    store: FileStore, clock: ManualClock
) -> None:
    listed(
        store,
        event(
            "1",
            quiet("0xa", liquidity_usd=3_000.0),
            quiet("0xb", volume_24h_usd=4_001.0),
            quiet("0xc"),
            quiet("0xd"),
            quiet("0xe", liquidity_usd=9_000.0, closed=True),
            quiet("0xf", liquidity_usd=9_000.0, token_ids=()),
        ),
    )
    data = FakeData({"0xc": 50_000.0, "0xd": 9_999.0, "0xa": 11_000.0})
    found = choose(store, clock, data)
    assert chosen(found) == [
        (1, "0xc", "open_interest"),
        (2, "0xa", "liquidity"),
        (3, "0xb", "volume"),
    ]
    assert (found.candidates, found.qualified) == (4, 3)
    assert found.frame["open_interest_usd"].to_list() == [50_000.0, 11_000.0, None]


def test_the_best_are_in_and_manual_ones_besides(store: FileStore, clock: ManualClock) -> None:
    """Whatever their figures, closed or not in the catalogue yet; an unknown one is named."""
    markets = [quiet(f"0x{nth}", liquidity_usd=1_000.0 + nth) for nth in range(5)]
    listed(store, event("1", *markets, quiet("0xm"), closed("0xn", liquidity_usd=None)))
    gamma = FakeGamma(known_markets={"0xo": closed("0xo", event_id="9")})
    rules = replace(RULES, size=2, manual=("0xm", "0xn", "0xo", "0xnobody"))
    found = choose(store, clock, FakeData(), rules, gamma)
    manual = [(1, "0xn", "manual"), (2, "0xo", "manual"), (3, "0xm", "manual")]
    assert chosen(found)[:3] == manual
    assert chosen(found)[3:] == [(4, "0x4", "liquidity"), (5, "0x3", "liquidity")]
    assert found.unknown == ["0xnobody"]
    assert gamma.asked == [("0xnobody", "0xo")]


def test_a_market_that_falls_below_leaves_the_universe(
    store: FileStore, clock: ManualClock
) -> None:
    listed(store, event("1", quiet("0xa", liquidity_usd=3_000.0)))
    choose(store, clock, FakeData())
    clock.advance(900)
    store.write(
        Merge(POLYMARKET_MARKETS, frames.markets([quiet("0xa", liquidity_usd=5.0)], clock.now()))
    )
    assert chosen(choose(store, clock, FakeData())) == []
    assert store.read("select count(*) from polymarket_tracked_universe").item() == 0


def test_only_markets_of_events_that_hold_enough_are_asked_for(
    store: FileStore, clock: ManualClock
) -> None:
    """An event's open interest bounds that of its markets; where it is unknown they are asked."""
    listed(
        store,
        event("1", quiet("0xa", event_id="1"), open_interest_usd=9_999.0),
        event("2", quiet("0xb", event_id="2"), open_interest_usd=10_000.0),
        event("3", quiet("0xc", event_id="3"), open_interest_usd=None),
    )
    data = FakeData({"0xb": 10_000.0})
    assert chosen(choose(store, clock, data)) == [(1, "0xb", "open_interest")]
    assert data.asked == [("0xb", "0xc")]


def test_without_open_interest_the_other_figures_decide(
    store: FileStore, clock: ManualClock
) -> None:
    listed(store, event("1", quiet("0xa", liquidity_usd=3_000.0), quiet("0xb")))
    found = choose(store, clock, FakeData(fails=VenueBusy("polymarket", "GET /oi: 429")))
    assert chosen(found) == [(1, "0xa", "liquidity")]
    assert found.open_interest_error == "polymarket: GET /oi: 429"


def test_what_is_tracked_for_its_open_interest_stays_while_that_cannot_be_had(
    store: FileStore, clock: ManualClock
) -> None:
    """Its route is down for two runs; when it is back, the market is judged by it again."""
    listed(store, event("1", quiet("0xa"), quiet("0xb")))
    choose(store, clock, FakeData({"0xa": 50_000.0}))
    for _ in range(2):
        found = choose(store, clock, FakeData(fails=VenueBusy("polymarket", "GET /oi: 429")))
        assert chosen(found) == [(1, "0xa", "open_interest")]
        assert found.frame["open_interest_usd"].to_list() == [50_000.0]
    assert chosen(choose(store, clock, FakeData({"0xa": 5.0}))) == []


def test_a_market_that_the_answer_leaves_out_gets_no_row(
    store: FileStore, clock: ManualClock
) -> None:
    """Never 0."""
    listed(
        store,
        event("1", quiet("0xa", liquidity_usd=3_000.0), quiet("0xb", liquidity_usd=3_000.0)),
    )
    choose(store, clock, FakeData())
    done = read_open_interest(FakeData({"0xa": 7.5}), store, clock=clock)  # type: ignore[arg-type]
    assert done.asked == 2
    rows = store.read(
        "select condition_id, open_interest_usd, liquidity_usd, volume_24h_usd"
        " from polymarket_market_metrics"
    ).rows()
    assert rows == [("0xa", 7.5, 3_000.0, None)]


def test_open_interest_of_nothing_at_all_is_not_believed(
    store: FileStore, clock: ManualClock
) -> None:
    """Ten tracked markets have some."""
    rich = [quiet(f"0x{n}", liquidity_usd=3_000.0 + n) for n in range(10)]
    listed(store, event("1", *rich))
    choose(store, clock, FakeData())
    with pytest.raises(VenueNonsense, match="/oi: an empty answer, and 10 are known"):
        read_open_interest(FakeData(), store, clock=clock)  # type: ignore[arg-type]


def test_an_empty_universe_asks_nothing(store: FileStore, clock: ManualClock) -> None:
    data = FakeData()
    done = read_open_interest(data, store, clock=clock)  # type: ignore[arg-type]
    assert (done.asked, done.frame.height, data.asked) == (0, 0, [])


def test_open_interest_that_cannot_be_had_fails_and_writes_nothing(
    store: FileStore, clock: ManualClock
) -> None:
    listed(store, event("1", quiet("0xa", liquidity_usd=3_000.0)))
    choose(store, clock, FakeData())
    with pytest.raises(VenueBusy, match="429"):
        read_open_interest(
            FakeData(fails=VenueBusy("polymarket", "GET /oi: 429")),  # type: ignore[arg-type]
            store,
            clock=clock,
        )
    assert store.read("select count(*) from polymarket_market_metrics").item() == 0

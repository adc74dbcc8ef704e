"""Prices of markets about an asset: whose, from where, by which rule; and how markets ended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.clock import ManualClock
from market_assets.ingestion.polymarket.asset_markets import (
    MarketsRead,
    read_closed_markets,
    read_open_markets,
    yes_price,
)
from market_assets.sources.errors import VenueNonsense, VenueUnavailable
from market_assets.sources.polymarket import frames
from market_assets.sources.polymarket.model import Books, Market
from market_assets.storage.common.changes import Merge
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    POLYMARKET_IMMEDIATE_MARKETS,
    POLYMARKET_LATER_MARKETS,
    POLYMARKET_MARKET_ASSET_LINKS,
    POLYMARKET_MARKETS,
    TableSpec,
)
from market_assets_tests.ingestion.polymarket.listed import (
    DAY,
    NOW,
    FakeClob,
    FakeGamma,
    book,
    closed,
    market,
)

MONTH = 30 * DAY
HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def known(store: FileStore, *markets: Market, **links: str) -> FakeGamma:
    """A catalogue of these markets, ten minutes old, linked to assets: `a="BTC ETH"` for 0xa."""
    then = NOW - timedelta(minutes=10)
    rows = [
        {
            "condition_id": f"0x{name}",
            "symbol": symbol,
            "method": "name",
            "matched_text": symbol,
            "confidence": 0.9,
            "linked_at": then,
        }
        for name, symbols in links.items()
        for symbol in symbols.split()
    ]
    store.write(
        Merge(POLYMARKET_MARKETS, frames.markets(markets, then)),
        Merge(
            POLYMARKET_MARKET_ASSET_LINKS,
            pl.DataFrame(rows, schema=POLYMARKET_MARKET_ASSET_LINKS.schema),
        ),
    )
    return FakeGamma(known_markets={one.condition_id: one for one in markets})


def read(
    table: TableSpec, gamma: FakeGamma, clob: FakeClob, store: FileStore, clock: ManualClock
) -> MarketsRead:
    return read_open_markets(table, gamma, clob, store, clock=clock)  # type: ignore[arg-type]


def test_immediate_markets_end_within_a_week_and_the_others_are_later(
    store: FileStore, clock: ManualClock
) -> None:
    """One row per asset; a market without an end is later, one without a link is nobody's."""
    gamma = known(
        store,
        market("0xa", end_at=NOW + 7 * DAY),
        market("0xb", end_at=NOW + 7 * DAY + timedelta(seconds=1)),
        market("0xc", end_at=None),
        market("0xd"),
        market("0xe", end_at=NOW - HOUR),
        a="BTC ETH",
        b="BTC",
        c="SOL",
        e="BTC",
    )
    immediate = read(POLYMARKET_IMMEDIATE_MARKETS, gamma, FakeClob(), store, clock).frame
    later = read(POLYMARKET_LATER_MARKETS, gamma, FakeClob(), store, clock).frame
    assert immediate.select("condition_id", "symbol").rows() == [
        ("0xe", "BTC"),
        ("0xa", "BTC"),
        ("0xa", "ETH"),
    ]
    assert later.select("condition_id", "symbol", "hours_to_end").rows() == [
        ("0xb", "BTC", pytest.approx(168 + 1 / 3600)),
        ("0xc", "SOL", None),
    ]
    assert gamma.asked == [("0xe", "0xa"), ("0xb", "0xc")], "in one question each"


def test_what_the_venue_took_back_is_asked_for_no_more(
    store: FileStore, clock: ManualClock
) -> None:
    """Neither open ones, nor one that ended and was never seen closed."""
    gamma = known(
        store,
        market("0xa"),
        market("0xb", end_at=None),
        market("0xc", end_at=NOW - HOUR),
        a="BTC",
        b="BTC",
        c="BTC",
    )
    gone = store.read("select * from polymarket_markets").with_columns(
        pl.col("ingested_at") + timedelta(seconds=1), is_listed=pl.lit(value=False)
    )
    store.merge(POLYMARKET_MARKETS, gone)
    for table in (POLYMARKET_IMMEDIATE_MARKETS, POLYMARKET_LATER_MARKETS):
        assert read(table, gamma, FakeClob(), store, clock).linked == 0
    assert read_closed_markets(gamma, store, clock=clock).linked == 0  # type: ignore[arg-type]
    assert gamma.asked == []


def test_quotes_are_the_books_and_gammas_where_there_is_none(
    store: FileStore, clock: ManualClock
) -> None:
    gamma = known(store, market("0xa"), market("0xb"), market("0xc"), a="BTC", b="BTC", c="BTC")
    clob = FakeClob({"0xa-yes": book("0xa-yes", 0.5, 0.52), "0xc-yes": book("0xc-yes", None, 0.9)})
    done = read(POLYMARKET_IMMEDIATE_MARKETS, gamma, clob, store, clock)
    by_market = {r["condition_id"]: r for r in done.frame.rows(named=True)}
    assert by_market["0xa"]["yes_price"] == pytest.approx(0.51)
    assert by_market["0xa"]["spread"] == 0.02
    assert by_market["0xb"]["yes_price"] == pytest.approx(0.40), "Gamma's 0.39 and 0.41"
    empty = by_market["0xc"]
    assert (empty["best_bid"], empty["best_ask"], empty["spread"]) == (None, 0.9, None)
    assert empty["yes_price"] == 0.42, "a side without orders: the last trade"
    assert done.without_book == 1
    assert {name: row["quote_source"] for name, row in by_market.items()} == {
        "0xa": "clob",
        "0xb": "gamma",
        "0xc": "clob",
    }


def test_quotes_say_when_they_came_and_no_row_speaks_for_a_time_before_them(
    store: FileStore, clock: ManualClock
) -> None:
    """Gamma answers before the books are asked for; as_of is when the last of both had come."""
    gamma = known(store, market("0xa"), market("0xb"), a="BTC", b="BTC")

    class SlowClob(FakeClob):
        def books(self, token_ids: Iterable[str]) -> Books:
            clock.advance(7)
            return super().books(token_ids)

    clob = SlowClob({"0xa-yes": book("0xa-yes", 0.5, 0.52)})
    rows = read(POLYMARKET_IMMEDIATE_MARKETS, gamma, clob, store, clock).frame.rows(named=True)
    later = NOW + timedelta(seconds=7)
    assert {r["condition_id"]: (r["as_of"], r["observed_at"]) for r in rows} == {
        "0xa": (later, later),
        "0xb": (later, NOW),
    }


def test_without_the_clob_gammas_quotes_stand_in_and_the_reason_is_told(
    store: FileStore, clock: ManualClock
) -> None:
    gamma = known(store, market("0xa"), a="BTC")
    clob = FakeClob(fails=VenueUnavailable("polymarket", "POST /books: 502"))
    run = IngestionRun("polymarket", "immediate_markets", "polymarket_immediate_markets", NOW)
    done = read_open_markets(
        POLYMARKET_IMMEDIATE_MARKETS,
        gamma,  # type: ignore[arg-type]
        clob,  # type: ignore[arg-type]
        store,
        clock=clock,
        run=run,
    )
    assert done.clob_error == "polymarket: POST /books: 502"
    stored = store.read("select left_out from ingestion_runs")["left_out"].to_list()
    assert stored == [["books: polymarket: POST /books: 502"]]
    assert done.frame["yes_price"].to_list() == [pytest.approx(0.40)]


def test_a_side_without_orders_is_none_also_where_gamma_stands_in(
    store: FileStore, clock: ManualClock
) -> None:
    """Gamma writes 0 and 1 for it; half of an offer of 0.06 is a price that nobody named."""
    gamma = known(
        store,
        market("0xa", best_bid=0.0, best_ask=0.06, last_trade_price=0.05),
        market("0xb", best_bid=0.94, best_ask=1.0, last_trade_price=0.95),
        a="BTC",
        b="BTC",
    )
    done = read(POLYMARKET_IMMEDIATE_MARKETS, gamma, FakeClob(), store, clock)
    shown = done.frame.select("condition_id", "best_bid", "best_ask", "spread", "yes_price").rows()
    assert sorted(shown) == [("0xa", None, 0.06, None, 0.05), ("0xb", 0.94, None, None, 0.95)]


def test_a_venue_that_knows_none_of_its_markets_is_not_believed(
    store: FileStore, clock: ManualClock
) -> None:
    """Those that closed lately would all leave their table."""
    names = "abcdefghij"
    gamma = known(
        store,
        *(closed(f"0x{name}") for name in names),
        *(market(f"0x{name}{name}") for name in names),
        **{name * times: "BTC" for name in names for times in (1, 2)},
    )
    read_closed_markets(gamma, store, clock=clock)  # type: ignore[arg-type]
    gamma.known_markets = {}
    with pytest.raises(VenueNonsense, match="/markets: an empty answer, and 10 are known"):
        read_closed_markets(gamma, store, clock=clock)  # type: ignore[arg-type]
    with pytest.raises(VenueNonsense, match="/markets"):
        read(POLYMARKET_IMMEDIATE_MARKETS, gamma, FakeClob(), store, clock)
    assert store.read("select count(*) from polymarket_recently_closed_markets").item() == 10


def test_a_market_that_closed_meanwhile_gets_no_price_but_its_final_state(
    store: FileStore, clock: ManualClock
) -> None:
    gamma = known(store, market("0xa"), a="BTC")
    gamma.known_markets = {"0xa": closed("0xa")}
    done = read(POLYMARKET_IMMEDIATE_MARKETS, gamma, FakeClob(), store, clock)
    assert (done.closed_meanwhile, done.frame.height) == (1, 0)
    assert store.read("select winning_outcome from polymarket_markets").item() == "Yes"


def test_what_the_clob_says_of_neg_risk_is_kept(store: FileStore, clock: ManualClock) -> None:
    gamma = known(store, market("0xa", neg_risk=False), a="BTC")
    clob = FakeClob({"0xa-yes": book("0xa-yes", 0.5, 0.52, neg_risk=True)})
    read(POLYMARKET_IMMEDIATE_MARKETS, gamma, clob, store, clock)
    found = store.read("select neg_risk, neg_risk_source from polymarket_markets").row(0)
    assert found == (True, "clob")


def test_nothing_linked_is_no_question_and_no_row(store: FileStore, clock: ManualClock) -> None:
    gamma = known(store, market("0xa"))
    done = read(POLYMARKET_IMMEDIATE_MARKETS, gamma, FakeClob(), store, clock)
    assert (done.linked, done.frame.height, gamma.asked) == (0, 0, [])


def test_closed_markets_of_the_last_week_with_what_they_paid(
    store: FileStore, clock: ManualClock
) -> None:
    """Those that closed earlier leave the table; one that ended unseen is asked about."""
    gamma = known(
        store,
        closed("0xa"),
        closed("0xb", closed_at=NOW - 8 * DAY, end_at=NOW - 8 * DAY),
        market("0xc", end_at=NOW - HOUR),
        closed("0xd", closed_at=None, winning_outcome=None, resolution_status="proposed"),
        a="BTC ETH",
        b="BTC",
        c="BTC",
        d="SOL",
    )
    gamma.known_markets["0xc"] = closed("0xc", winning_outcome="No", outcome_prices=(0.0, 1.0))
    done = read_closed_markets(gamma, store, clock=clock)  # type: ignore[arg-type]
    rows = done.frame.select("condition_id", "symbol", "winning_outcome", "final_yes_price").rows()
    assert sorted(rows) == [
        ("0xa", "BTC", "Yes", 1.0),
        ("0xa", "ETH", "Yes", 1.0),
        ("0xc", "BTC", "No", 0.0),
        ("0xd", "SOL", None, 1.0),
    ]
    clock.advance(7 * DAY.total_seconds())
    read_closed_markets(gamma, store, clock=clock)  # type: ignore[arg-type]
    assert store.read("select count(*) from polymarket_recently_closed_markets").item() == 0


def test_of_a_closed_market_that_an_answer_leaves_out_nothing_is_said(
    store: FileStore, clock: ManualClock
) -> None:
    """Its row stays. One that is open again leaves, as does an asset that it is about no more."""
    gamma = known(
        store,
        *(closed(f"0x{name}") for name in "abc"),
        a="BTC ETH",
        b="BTC",
        c="BTC",
    )
    read_closed_markets(gamma, store, clock=clock)  # type: ignore[arg-type]
    del gamma.known_markets["0xb"]
    gamma.known_markets["0xc"] = market("0xc")
    store.delete(POLYMARKET_MARKET_ASSET_LINKS, "symbol = ?", ["ETH"])
    clock.advance(3600)
    read_closed_markets(gamma, store, clock=clock)  # type: ignore[arg-type]
    rows = store.read(
        "select condition_id, symbol from polymarket_recently_closed_markets order by all"
    )
    assert rows.rows() == [("0xa", "BTC"), ("0xb", "BTC")]


@pytest.mark.parametrize("end_at", [NOW + 20 * DAY, None])
def test_a_market_that_closed_early_closed_when_it_was_first_seen_closed(
    store: FileStore, clock: ManualClock, end_at: datetime | None
) -> None:
    """Where the venue does not say when: never at an end that is still to come, and only once."""
    early = closed("0xa", closed_at=None, end_at=end_at)
    gamma = known(store, early, a="BTC")
    seen = NOW - timedelta(minutes=10)
    for volume in (1.0, 2.0):
        gamma.known_markets["0xa"] = closed("0xa", closed_at=None, end_at=end_at, volume_usd=volume)
        done = read_closed_markets(gamma, store, clock=clock)  # type: ignore[arg-type]
        assert done.frame["closed_at"].to_list() == [seen]
        clock.advance(3600)
    overdue = closed("0xb", closed_at=None, end_at=NOW - DAY)
    done = read_closed_markets(known(store, overdue, b="BTC"), store, clock=clock)  # type: ignore[arg-type]
    assert done.frame.filter(condition_id="0xb")["closed_at"].to_list() == [NOW - DAY]


@given(st.none() | st.floats(0, 1), st.none() | st.floats(0, 1), st.none() | st.floats(0, 1))
def test_a_yes_price_is_the_midpoint_or_the_last_trade(
    bid: float | None, ask: float | None, last: float | None
) -> None:
    """And never outside of the quotes where it is the midpoint."""
    price = yes_price(bid, ask, last)
    if bid is not None and ask is not None and 0 <= ask - bid <= 0.1:
        assert price is not None
        assert bid <= price <= ask
    elif bid is None or ask is None or ask < bid or ask - bid > 0.1 + 1e-6:
        assert price == last


def test_a_spread_of_ten_cents_still_has_a_midpoint() -> None:
    """0.55 − 0.45 is 0.10000000000000003."""
    assert yes_price(0.45, 0.55, 0.9) == 0.5
    assert yes_price(0.44, 0.55, 0.9) == 0.9

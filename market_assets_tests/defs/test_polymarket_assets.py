"""Polymarket's assets run by Dagster against the simulated venue, and what they left behind.

One project: the catalogue is read, half an hour passes at the venue, and the jobs run in the order
in which they are due. Each test looks at a part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl
import pytest

from market_assets.checks.rules import broken_by, rules
from market_assets.defs.jobs import FLOWS
from market_assets.derived.signals import signal_rows
from market_assets.features.polymarket_signals.events import signal_events
from market_assets.features.thresholds import SignalThresholds
from market_assets.tables import POLYMARKET_TRADES
from market_assets_tests.defs.running import Project, errors, metadata, project
from market_assets_tests.simulated import Simulated, simulated

JOBS = (
    "polymarket_discovery_refresh",
    "polymarket_tags_refresh",
    "polymarket_universe_refresh",
    "polymarket_prices_refresh",
    "polymarket_later_markets_refresh",
    "polymarket_closed_markets_refresh",
    "polymarket_trades_refresh",
    "polymarket_signals_refresh",
)
LESS = {
    "MARKET_TRADES_LOOKBACK_HOURS": "3",
    "MARKET_UNIVERSE_SIZE": "20",
    "MARKET_TRADES_HISTORY_MIN_USD": "2000",
    "MARKET_HISTORY_REQUESTS_PER_10S": "200",
    "MARKET_SIGNAL_BOOK_IMBALANCE": "0.05",
}
"""Settings that leave less to do, and something to tell of."""


HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulated]:
    """Its clock is half an hour behind, until the story sets it right."""
    begin = datetime.now(tz=UTC) - HALF_AN_HOUR
    with simulated(main=6, builder=0, spot=0, events=40, start=begin) as running:
        yield running


@pytest.fixture(scope="module")
def ran(
    venue: Simulated, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Project, dict[str, dict[str, Any]]]]:
    """The project, and what each asset said."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("polymarket")
        made = project(patch, folder, {**venue.environment, **LESS})
        with made.instance:
            assert errors(made.materialize("hyperliquid_assets")) == {}
            assert errors(made.run("polymarket_discovery_refresh")) == {}
            venue.jump(HALF_AN_HOUR.total_seconds())
            said: dict[str, dict[str, Any]] = {}
            for job in JOBS:
                result = made.run(job)
                assert errors(result) == {}, job
                said |= metadata(result)
            yield made, said


@pytest.fixture
def made(ran: tuple[Project, dict[str, dict[str, Any]]]) -> Project:
    return ran[0]


@pytest.fixture
def said(ran: tuple[Project, dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    return ran[1]


def test_every_asset_of_the_source_was_materialized_and_says_what_it_did(
    said: dict[str, dict[str, Any]],
) -> None:
    expected = {asset for flow in FLOWS if flow.source == "polymarket" for asset in flow.assets}
    assert set(said) == expected
    for asset, figures in said.items():
        if asset == "polymarket_signal_events":
            continue  # nothing need stand out
        assert figures["dagster/row_count"] > 0, asset
        assert {"rows_written", "preview", "first_event_at", "last_event_at"} <= set(figures), asset
    assert said["polymarket_events"]["pages"] >= 1
    assert said["polymarket_trades"]["pages"] >= 1


def test_the_catalogue_is_the_venues(made: Project, venue: Simulated) -> None:
    """Every market of the open events that makes sense, with its tokens and prices in order."""
    truth = {market["condition_id"]: market for market in venue.markets()}
    stored = made.store.read("select * from polymarket_markets").rows(named=True)
    rows = {row["condition_id"]: row for row in stored}
    lately = {i for i, real in truth.items() if real["opened_at_ms"] > venue.now_ms() - 60_000}
    left_out = [truth[i] for i in set(truth) - set(rows) - lately]
    assert all(real["broken"] or real["version"] not in ("v1", "v2") for real in left_out)
    assert len(set(truth) & set(rows)) > 100
    for condition_id in set(truth) & set(rows):
        row, real = rows[condition_id], truth[condition_id]
        for name in ("question", "event_id", "outcomes", "token_ids", "taker_fee_rate"):
            assert row[name] == real[name], name


def test_what_closed_meanwhile_has_its_final_state(made: Project, venue: Simulated) -> None:
    """Up/down markets end every five minutes; some are not resolved yet."""
    stored = made.rows(
        "select condition_id, winning_outcome from polymarket_recently_closed_markets"
    )
    truth = {row["condition_id"]: row for row in venue.markets(*{row[0] for row in stored})}
    assert len(stored) > 3
    winners = {winner for _, winner in stored}
    assert winners & {"Up", "Down"}
    for condition_id, winner in stored:
        assert truth[condition_id]["closed"]
        assert winner in (None, truth[condition_id]["winning_outcome"])


def test_markets_about_an_asset_are_linked_and_priced(made: Project) -> None:
    linked = made.rows(
        "select count(*), count(distinct symbol) from polymarket_market_asset_links"
        " join hyperliquid_assets using (symbol)"
    )[0]
    assert linked[0] > 20
    assert linked[1] >= 3
    prices = made.rows(
        "select count(*), count(yes_price), min(yes_price), max(yes_price), max(hours_to_end)"
        " from polymarket_immediate_markets"
    )[0]
    assert prices[0] > 0
    assert prices[1] > 0.9 * prices[0]
    assert 0 <= prices[2] <= prices[3] <= 1
    assert prices[4] <= 168
    later = "select count(*) from polymarket_later_markets where hours_to_end <= 167.9"
    assert made.rows(later) == [(0,)]


def test_the_universe_is_ranked_and_its_open_interest_asked_for(made: Project) -> None:
    universe = made.rows("select rank, reason from polymarket_tracked_universe order by rank")
    assert [row[0] for row in universe] == list(range(1, len(universe) + 1))
    assert {row[1] for row in universe} <= {"liquidity", "volume", "open_interest"}
    asked = made.rows(
        "select count(*), min(open_interest_usd) from polymarket_market_metrics"
        " semi join polymarket_tracked_universe using (condition_id)"
    )[0]
    assert 0 < asked[0] <= len(universe)
    assert asked[1] >= 0


def test_trades_are_exactly_those_of_the_feed(made: Project, venue: Simulated) -> None:
    """Those of a window that is over: nothing lost, nothing doubled, none below the threshold."""
    end = datetime.now(tz=UTC) - timedelta(minutes=15)
    start = end - timedelta(hours=2)
    truth = venue.trades(int(start.timestamp()), int(end.timestamp()), min_usd=1000)
    stored = made.store.read(
        "select transaction_hash, token_id, wallet, side, size from polymarket_trades"
        " where traded_at between ? and ?",
        [start.replace(microsecond=0), end.replace(microsecond=0)],
    ).rows()
    told = [
        (row["transactionHash"], row["asset"], row["proxyWallet"].lower(), row["side"])
        for row in truth
    ]
    assert sorted(row[:4] for row in stored) == sorted(told)
    assert len(told) > 100


def test_a_large_trade_is_told_of_once(made: Project) -> None:
    """One by a whale, made up and stored as if the feed had brought it just now."""
    known = made.store.read("select * from polymarket_trades order by traded_at desc limit 1")
    now = datetime.now(tz=UTC)
    whale = known.with_columns(
        trade_key=pl.lit("whale"),
        notional_usd=pl.lit(5e6),
        traded_at=pl.lit(now).cast(known.schema["traded_at"]),
        ingested_at=pl.lit(now).cast(known.schema["ingested_at"]),
    )
    made.store.merge(POLYMARKET_TRADES, whale)
    stored = (
        "select signal_id, score, as_of from polymarket_signal_events"
        " where kind = 'large_trade' and (detail->>'trade_key') = 'whale'"
    )
    for _ in range(2):
        assert errors(made.run("polymarket_signals_refresh")) == {}
        [(_, score, as_of)] = made.rows(stored)
        assert (score, as_of) == (5e6, now)
    attempts = made.rows(
        "select status from ingestion_runs where channel = 'signals' order by started_at"
    )
    assert set(attempts) == {("ok",)}
    made.store.delete(POLYMARKET_TRADES, "trade_key = 'whale'")


def test_a_second_run_over_the_same_books_tells_of_each_once(made: Project) -> None:
    """Every book that leans to one side is told of, once."""
    assert errors(made.materialize("polymarket_books")) == {}
    depths = "bid_depth_5c_usd, ask_depth_5c_usd"
    stored = made.store.read(f"select token_id, {depths} from polymarket_books")  # noqa: S608 - own names
    leaning = sorted(
        token
        for token, bids, asks in stored.iter_rows()
        if bids + asks > 0 and abs(bids - asks) / (bids + asks) >= 0.05
    )
    assert len(leaning) > 5
    for _ in range(2):
        assert errors(made.run("polymarket_signals_refresh")) == {}
        told = made.rows(
            "select token_id from polymarket_signal_events where kind = 'book_imbalance'"
        )
        assert sorted(token for (token,) in told) == leaning


def test_a_signal_takes_off_the_fees_that_the_venue_charges(
    made: Project, venue: Simulated
) -> None:
    """Both outcomes of each market with a book are offered for less than a dollar."""
    assert errors(made.materialize("polymarket_books")) == {}
    now = datetime.now(tz=UTC)
    rows = signal_rows(made.store, now)
    offered = (
        rows.markets.filter(pl.col("token_ids").list.len() == 2)
        .select("condition_id", token_id=pl.col("token_ids"), best_ask=pl.lit([0.4, 0.5]))
        .explode("token_id", "best_ask")
        .with_columns(is_proven=True, book_at=pl.lit(now))
    )
    heads = pl.concat([rows.heads.clear(), offered], how="diagonal_relaxed")
    only = replace(rows, heads=heads, tops=rows.tops.clear())
    found = signal_events(only, SignalThresholds(), as_of=now)
    scores = dict(
        found.filter(pl.col("kind") == "complement_arbitrage")
        .select("condition_id", "score")
        .iter_rows()
    )
    rates = {m["condition_id"]: m["taker_fee_rate"] or 0.0 for m in venue.markets(*scores)}
    assert max(rates.values()) >= 0.03
    assert scores == {
        condition_id: pytest.approx(10 - 100 * rate * (0.4 * 0.6 + 0.5 * 0.5))
        for condition_id, rate in rates.items()
    }


def test_rows_keep_every_rule(made: Project) -> None:
    tables = [rule for rule in rules() if rule.table.name.startswith("polymarket_")]
    now = datetime.now(tz=UTC)
    broken = {rule.name for rule in tables if not broken_by(made.store, rule, now).is_empty()}
    assert broken <= {"links_are_of_listed_assets"}, broken


def test_a_day_and_a_month_of_the_past_by_hand(made: Project, venue: Simulated) -> None:
    """A partition run twice changes nothing."""
    yesterday = datetime.now(tz=UTC).date() - timedelta(days=1)
    month = yesterday.replace(day=1)
    asset = dg.AssetKey("polymarket_trades_history")
    job = made.definitions.resolve_implicit_global_asset_job_def()
    counts = []
    for _ in range(2):
        result = job.execute_in_process(
            instance=made.instance,
            asset_selection=[asset],
            partition_key=yesterday.isoformat(),
            raise_on_error=False,
        )
        assert errors(result) == {}
        stored = made.store.read(
            "select count(*) from polymarket_trades"
            " where traded_at::date = ? and notional_usd >= 2000",
            [yesterday],
        )
        counts.append(stored.item())
    start = datetime(yesterday.year, yesterday.month, yesterday.day, tzinfo=UTC).timestamp()
    truth = venue.trades(int(start), int(start) + 86_399, min_usd=2000)
    assert counts == [len(truth)] * 2
    result = job.execute_in_process(
        instance=made.instance,
        asset_selection=[dg.AssetKey("polymarket_closed_markets_history")],
        partition_key=month.isoformat(),
        raise_on_error=False,
    )
    assert errors(result) == {}
    closed = made.rows("select count(*) from polymarket_markets where closed")[0][0]
    assert closed > 0

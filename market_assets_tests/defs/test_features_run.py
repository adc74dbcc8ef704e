"""Contexts, funding and features run by Dagster against a simulated venue that misbehaves a bit.

One symbol's context is null, one dex answers nonsense, one symbol's candles have a hole, another's
contradict themselves: each costs its own rows, and the run's metadata names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from market_assets.clock import floor
from market_assets.features.indicators import technical_indicators
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.tables import HYPERLIQUID_CANDLES
from market_assets_tests.defs.running import Project, errors, metadata, project
from market_assets_tests.simulated import Simulated, simulated

FEATURES = "hyperliquid_features_refresh"
FIVE = {
    "hyperliquid_technical_indicators",
    "hyperliquid_volatility_profiles",
    "hyperliquid_funding_pressure",
    "hyperliquid_liquidity_profiles",
    "hyperliquid_positioning_pressure",
}
SYMBOLS = ("BTC", "ETH", "SOL", "HYPE", "@107", "xyz:TSLA")
MINUTE = timedelta(minutes=1)


def misbehaving(venue: Simulated) -> None:
    """SOL's context is null; the dex flx answers with something else."""
    assert venue.simulator is not None
    market = venue.simulator.venue.market
    answer = market.answer

    def changed(query: Any, now_ms: int) -> Any:
        if query.type == "metaAndAssetCtxs" and query.dex == "flx":
            return {"universe": "none"}
        said = answer(query, now_ms)
        if query.type == "metaAndAssetCtxs" and not query.dex:
            names = [asset["name"] for asset in said[0]["universe"]]
            said[1][names.index("SOL")] = None
        return said

    market.answer = changed  # type: ignore[method-assign]


def minutes(venue: Simulated) -> pl.DataFrame:
    """Three hours of closed candles: ETH has a hole in its last hour, HYPE a bar upside down."""
    now = floor(datetime.now(tz=UTC), MINUTE)
    client = HyperliquidClient(venue.url)
    rows = []
    for symbol in SYMBOLS:
        found = client.candles(symbol, "1m", now - 180 * MINUTE, now)
        rows.append(frames.candles(found, "rest", now).with_columns(is_closed=pl.lit(value=True)))
    client.close()
    opened = pl.col("open_at")
    hole = (pl.col("symbol") == "ETH") & (opened == now - 30 * MINUTE)
    upside_down = (pl.col("symbol") == "HYPE") & (opened == now - 90 * MINUTE)
    whole = pl.concat(rows)
    # Of a symbol that the settings do not name any more; nobody expects its series to be whole.
    unwanted = whole.filter(pl.col("symbol") == "ETH").with_columns(symbol=pl.lit("DOGE"))
    return pl.concat(
        [whole.filter(~hole), unwanted.filter(opened != now - 30 * MINUTE)]
    ).with_columns(high=pl.when(upside_down).then(pl.col("low") / 2).otherwise(pl.col("high")))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, dict[str, Any]]]:
    """Everything run once, in the order in which it is due; results by job."""
    with pytest.MonkeyPatch.context() as patch, simulated(main=8, builder=6, spot=4) as venue:
        misbehaving(venue)
        made = project(
            patch,
            tmp_path_factory.mktemp("features"),
            {**venue.environment, "MARKET_SYMBOLS": ",".join((*SYMBOLS, "flx:OIL"))},
        )
        with made.instance:
            results: dict[str, Any] = {
                "hyperliquid_registry_refresh": made.run("hyperliquid_registry_refresh"),
                "before contexts": made.run("hyperliquid_funding_rates_refresh"),
                "hyperliquid_contexts_refresh": made.run("hyperliquid_contexts_refresh"),
            }
            # A month of funding for five perpetuals would take the weight of half a minute.
            patch.setattr("market_assets.ingestion.hyperliquid.funding.KEPT", timedelta(days=9))
            results["hyperliquid_funding_rates_refresh"] = made.run(
                "hyperliquid_funding_rates_refresh"
            )
            results["before candles"] = made.materialize("hyperliquid_technical_indicators")
            made.store.merge(HYPERLIQUID_CANDLES, minutes(venue))
            results[FEATURES] = made.run(FEATURES)
            yield made, results


def test_every_job_succeeds_in_spite_of_the_venue(world: tuple[Project, dict[str, Any]]) -> None:
    _, results = world
    for job in ("contexts", "funding_rates", "features"):
        name = f"hyperliquid_{job}_refresh"
        assert results[name].success, errors(results[name])
    assert set(metadata(results[FEATURES])) == FIVE


def test_a_null_context_and_a_dex_without_sense_are_named_and_cost_their_rows(
    world: tuple[Project, dict[str, Any]],
) -> None:
    made, results = world
    said = metadata(results["hyperliquid_contexts_refresh"])["hyperliquid_asset_contexts"]
    assert set(said["unreadable"]) == {"flx"}
    assert set(said["rejected"]) == {"SOL"}
    found = made.rows("select distinct symbol from hyperliquid_asset_contexts order by symbol")
    assert [symbol for (symbol,) in found] == ["@107", "BTC", "ETH", "HYPE", "xyz:TSLA"]


def test_funding_is_there_for_every_perpetual_that_has_a_context(
    world: tuple[Project, dict[str, Any]],
) -> None:
    made, _ = world
    found = made.rows(
        "select symbol, count(*) from hyperliquid_funding_rates group by symbol order by symbol"
    )
    assert [symbol for symbol, _ in found] == ["BTC", "ETH", "HYPE", "xyz:TSLA"]
    assert {count for _, count in found} == {9 * 24 + 1}


def test_a_broken_series_blocks_its_symbol_and_no_other(
    world: tuple[Project, dict[str, Any]],
) -> None:
    made, results = world
    for table in ("hyperliquid_technical_indicators", "hyperliquid_volatility_profiles"):
        found = made.rows(f"select symbol from {table} order by symbol")  # noqa: S608 - a table
        assert [symbol for (symbol,) in found] == ["@107", "BTC", "SOL", "xyz:TSLA"], table
        assert metadata(results[FEATURES])[table]["series_blocked"] == 2
    checks = [
        check
        for check in results[FEATURES].get_asset_check_evaluations()
        if check.check_name == "candle_series_are_whole"
    ]
    assert len(checks) == 2
    for check in checks:
        assert not check.passed
        named = check.metadata["some_of_them"].value
        assert named == {
            "ETH 1m": "broken: 1 of the last 60 candles are missing",
            "HYPE 1m": "broken: 1 candles contradict themselves",
        }


def test_indicators_are_those_of_the_pure_function(world: tuple[Project, dict[str, Any]]) -> None:
    made, _ = world
    stored = made.store.read("select * from hyperliquid_technical_indicators where symbol = 'BTC'")
    candles = made.store.read("select * from hyperliquid_candles where symbol = 'BTC'")
    computed = technical_indicators(candles, interval="1m", as_of=datetime.now(tz=UTC))
    assert stored.row(0) == computed.row(0)
    assert stored["candles_used"].item() == 180


def test_funding_and_positioning_speak_of_the_context(
    world: tuple[Project, dict[str, Any]],
) -> None:
    made, _ = world
    found = made.rows(
        "select symbol, f.as_of = c.observed_at, f.funding_rate_1h = c.funding_rate,"
        " f.rates_used_7d, p.open_interest = c.open_interest, p.oi_change_1h_pct"
        " from hyperliquid_funding_pressure f"
        " join hyperliquid_positioning_pressure p using (symbol)"
        " join hyperliquid_asset_contexts c using (symbol) order by symbol"
    )
    assert found == [
        (symbol, True, True, 168, True, None) for symbol in ("BTC", "ETH", "HYPE", "xyz:TSLA")
    ]


def test_liquidity_is_of_the_book_and_its_instant(world: tuple[Project, dict[str, Any]]) -> None:
    made, results = world
    lately = datetime.now(tz=UTC) - timedelta(minutes=5)
    found = made.store.read(
        "select symbol, best_bid < mid and mid < best_ask, spread_bps > 0, as_of > ?"
        " from hyperliquid_liquidity_profiles order by symbol",
        [lately],
    ).rows()
    assert found == [
        (symbol, True, True, True) for symbol in ("@107", "BTC", "ETH", "HYPE", "xyz:TSLA")
    ]
    said = metadata(results[FEATURES])["hyperliquid_liquidity_profiles"]
    assert said["books"] == said["assets_ranked"] == 5


def test_every_run_is_counted_with_its_rows(world: tuple[Project, dict[str, Any]]) -> None:
    made, _ = world
    found = dict(
        made.rows(
            "select asset_key, sum(rows_written) from ingestion_runs where channel ="
            " replace(asset_key, 'hyperliquid_', '') or channel = 'contexts' group by asset_key"
        )
    )
    for table in (*FIVE, "hyperliquid_asset_contexts", "hyperliquid_funding_rates"):
        ((stored,),) = made.rows(f"select count(*) from {table}")  # noqa: S608 - a table
        assert found[table] == stored, table


def test_metadata_has_figures_to_plot_and_a_preview(world: tuple[Project, dict[str, Any]]) -> None:
    _, results = world
    for name, said in metadata(results[FEATURES]).items():
        assert said["preview"].startswith("symbol|"), name
        assert said["dagster/row_count"] > 0, name
        assert 0 <= said["lag_s"] < 600, name
        assert 0 <= said["contexts_age_s"] < 600, name


def test_the_five_read_the_store_once(
    world: tuple[Project, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = world
    reads = []
    whole = type(made.store).read_together

    def counted(store: Any, queries: Any) -> Any:
        reads.append(set(queries))
        return whole(store, queries)

    monkeypatch.setattr(type(made.store), "read_together", counted)
    assert made.run(FEATURES).success
    assert len(reads) == 1


def test_one_feature_alone_is_enough(world: tuple[Project, dict[str, Any]]) -> None:
    made, _ = world
    for asset in sorted(FIVE):
        result = made.materialize(asset)
        assert result.success, errors(result)
        assert set(metadata(result)) == {asset}


def test_without_anything_to_compute_from_the_run_fails_and_says_what_to_do(
    world: tuple[Project, dict[str, Any]],
) -> None:
    """Not green and empty: and not tried again, because that would not mend it."""
    _, results = world
    without_contexts = errors(results["before contexts"])["hyperliquid_funding_rates"]
    assert "materialize hyperliquid_asset_contexts first" in without_contexts
    assert "there are no candles" in str(errors(results["before candles"]))
    tried_again = [e for e in results["before candles"].all_events if e.is_step_up_for_retry]
    assert tried_again == []


def test_an_exchange_that_gives_no_book_fails_liquidity_and_nothing_else(
    world: tuple[Project, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = world

    def none(*_: object, **__: object) -> Any:
        from market_assets.ingestion.hyperliquid.books import Books  # noqa: PLC0415 - what the asset gets

        return Books((), ((), ()), {"BTC": "hyperliquid: away"}, ())

    monkeypatch.setattr("market_assets.defs.hyperliquid_features.fetch_books", none)
    result = made.run(FEATURES)
    assert not result.success
    assert set(metadata(result)) == FIVE - {"hyperliquid_liquidity_profiles"}
    assert "away" in str(errors(result))

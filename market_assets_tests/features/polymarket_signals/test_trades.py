"""Large trades and hours with far more trading than usual."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from market_assets.features.polymarket_signals.trades import large_trades, volume_spikes

from .rows import DAY, HOUR, MINUTE, NOW, SECOND, Row, last_score, trade, trades


def _large(
    *rows: Row, threshold: float = 10_000.0, last_run: timedelta | None = None
) -> pl.DataFrame:
    return large_trades(
        trades(*rows),
        threshold=threshold,
        as_of=NOW,
        last_run_at=None if last_run is None else NOW - last_run,
    )


def test_a_large_trade_is_told_of_with_its_own_time() -> None:
    found = _large(trade("t1", MINUTE, 12_000.0), trade("small", 2 * MINUTE, 9_999.0))
    row = found.row(0, named=True)
    assert found.height == 1
    assert (row["kind"], row["condition_id"], row["token_id"]) == ("large_trade", "0xa", "a-yes")
    assert (row["as_of"], row["score"], row["threshold"]) == (NOW - MINUTE, 12_000.0, 10_000.0)
    assert '"trade_key": "t1"' in row["detail"]
    assert '"percentile_99_usd"' in row["detail"]


def test_exactly_the_threshold_is_enough() -> None:
    assert _large(trade("t1", usd=10_000.0)).height == 1
    assert _large(trade("t1", usd=9_999.99)).is_empty()


def test_what_is_usual_in_its_market_is_not_large() -> None:
    """Of 300 trades of 50,000 USD in a week, one of 12,000 is a small one."""
    usual = [trade(f"u{i}", HOUR * i / 2 + HOUR, 50_000.0) for i in range(300)]
    assert _large(*usual, trade("t1", usd=12_000.0)).is_empty()
    of_another = [{**row, "condition_id": "0xb"} for row in usual]
    assert _large(*of_another, trade("t1", usd=12_000.0)).height == 1


def test_the_percentile_is_that_of_the_seven_days_up_to_the_trade() -> None:
    before = [trade(f"u{i}", 7 * DAY + MINUTE * i, 50_000.0) for i in range(1, 300)]
    after = [trade(f"l{i}", SECOND * i, 50_000.0, condition_id="0xa") for i in range(50)]
    found = _large(*before, *after, trade("t1", MINUTE, 12_000.0))
    assert "t1" in "".join(found["detail"])


def test_the_first_run_judges_five_minutes() -> None:
    rows = [trade("new", 5 * MINUTE - SECOND, 20_000.0), trade("old", 5 * MINUTE, 20_000.0)]
    assert [d for d in _large(*rows)["detail"] if '"old"' in d] == []
    assert _large(*rows).height == 1


def test_a_later_run_judges_what_has_arrived_since() -> None:
    arrived = trade("arrived", 30 * MINUTE, 20_000.0)
    known = trade("known", 62 * MINUTE, 20_000.0)
    late = trade("late", 65 * MINUTE, 20_000.0, ingested_at=NOW - 59 * MINUTE)
    of_the_past = trade("of the past", 80 * MINUTE, 20_000.0, ingested_at=NOW - MINUTE)
    found = _large(arrived, known, late, of_the_past, last_run=HOUR)
    keys = [d.split('"trade_key": "')[1].split('"')[0] for d in found["detail"]]
    assert keys == ["late", "arrived"]


def test_trades_of_one_instant_have_ids_of_their_own() -> None:
    found = _large(trade("t1", usd=20_000.0), trade("t2", usd=20_000.0))
    assert found["signal_id"].n_unique() == 2


def _usual(hours: int = 168, usd: float = 1000.0) -> list[Row]:
    """One trade in each of the hours before the last one."""
    return [trade(f"u{i}", HOUR * i + HOUR + 30 * MINUTE, usd) for i in range(hours)]


def test_an_hour_is_held_against_the_mean_hour_of_the_week_before() -> None:
    points = volume_spikes(
        trades(*_usual(), trade("n1", 10 * MINUTE, 4000.0), trade("n2", 59 * MINUTE, 2000.0)),
        as_of=NOW,
    )
    assert last_score(points) == 6.0
    last = points.sort("at").row(-1, named=True)
    assert (last["last_hour_usd"], last["mean_hour_usd"]) == (6000.0, 1000.0)
    assert last["hours_with_trades"] == 168
    assert last["made_at"] == NOW - 10 * MINUTE


def test_exactly_five_times_is_five() -> None:
    points = volume_spikes(trades(*_usual(usd=1000.1), trade("n", usd=5000.5)), as_of=NOW)
    assert last_score(points) == 5.0


def test_an_hour_ago_is_no_longer_the_last_hour() -> None:
    rows = [*_usual(), trade("n1", MINUTE, 1000.0), trade("n2", HOUR, 168_000.0)]
    assert last_score(volume_spikes(trades(*rows), as_of=NOW)) == pytest.approx(1000 / 2000)


@pytest.mark.parametrize(("hours", "has"), [(23, False), (24, True)])
def test_it_takes_24_hours_with_trades(hours: int, *, has: bool) -> None:
    score = last_score(volume_spikes(trades(*_usual(hours), trade("n")), as_of=NOW))
    assert (score is not None) is has
    if has:
        assert score == pytest.approx(168 / 24)


def test_several_trades_of_one_hour_are_one_hour() -> None:
    many = [trade(f"u{i}", 2 * HOUR + MINUTE * i, 100.0) for i in range(50)]
    assert last_score(volume_spikes(trades(*many, trade("n")), as_of=NOW)) is None


def test_markets_are_counted_apart() -> None:
    other = [{**row, "condition_id": "0xb", "notional_usd": 9e9} for row in _usual()]
    points = volume_spikes(trades(*_usual(), *other, trade("n", usd=7000.0)), as_of=NOW)
    assert last_score(points) == 7.0


def test_a_quiet_hour_has_no_score() -> None:
    assert volume_spikes(trades(*_usual()), as_of=NOW).is_empty()


def test_the_scores_of_the_hour_before_are_there_to_see_where_a_case_ended() -> None:
    rows = [*_usual(), trade("n", 20 * MINUTE + SECOND, 9000.0)]
    points = volume_spikes(trades(*rows), as_of=NOW).sort("at")
    assert points.height == 60
    at = {row["at"]: row["score"] for row in points.iter_rows(named=True)}
    assert at[NOW - 21 * MINUTE] < 5 <= at[NOW - 20 * MINUTE]

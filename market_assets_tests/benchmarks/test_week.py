"""The simulated week: half an hour of it runs, and its judgement tells growth from keeping."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from benchmarks.week.figures import DATABASE, INSTANCE, PROCESS, ROWS, look
from benchmarks.week.simulation import Cron, Pace, Simulation
from benchmarks.week.verdict import Verdict, as_table, verdicts
from market_assets_tests.simulated import simulated

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 3, 2, tzinfo=UTC)
JOBS = ("hyperliquid_maintenance_run", "run_history_prune")


def test_half_a_simulated_hour_goes_through(tmp_path: Path) -> None:
    """The stream, two jobs and the ticks at simulated times; every figure is there."""
    with (
        simulated(main=2, builder=0, spot=1, events=1, speed=0.0, start=START) as venue,
        Simulation(
            tmp_path,
            venue,
            start=START,
            pace=Pace(thin=15, flush_minutes=10),
            environ={"MARKET_KEEP_MIDS_HOURS": "0.25"},
            only=JOBS,
        ) as week,
    ):
        week.set_up()
        at_first = look(week)
        for _ in range(30):
            week.minute()
        found = look(week)
        venue_ms = venue.now_ms()
        [(first, last)] = week.store.read(
            "select min(bucket_at), max(bucket_at) from hyperliquid_mid_prices"
        ).iter_rows()
        runs = week.instance.get_run_records()
        left = week.settings.dagster_home / "history" / "runs" / "gone.db"
        left.write_bytes(b"x")
        after_a_leak = look(week)
    assert not week.failures, week.first_errors
    assert week.now == START + timedelta(minutes=90)
    assert venue_ms == week.now.timestamp() * 1000
    assert (week.runs["hyperliquid_maintenance_run"], week.stream.sessions) == (3, 1)
    assert all(START <= record.update_timestamp < week.now + timedelta(hours=1) for record in runs)
    assert last > week.now - timedelta(minutes=1)
    assert first > week.now - timedelta(minutes=35), "retention goes by the simulated clock"
    assert found[ROWS, "hyperliquid_candles 1m"] > at_first[ROWS, "hyperliquid_candles 1m"]
    assert found[ROWS, "hyperliquid_candles 1h"] > 0
    assert found[INSTANCE, "runs.runs"] == len(runs)
    assert found[INSTANCE, "schedules.job_ticks"] > 0
    assert found[INSTANCE, "files of deleted runs"] == 0
    assert after_a_leak[INSTANCE, "files of deleted runs"] == 1
    assert found[DATABASE, "spool, files"] <= 1, "nothing waits but the lock of the drain"
    assert found[PROCESS, "resident, MB"] > 0


@pytest.mark.parametrize(
    ("line", "at", "is_due"),
    [
        ("* * * * *", (3, 17), True),
        ("3-59/5 * * * *", (3, 13), True),
        ("3-59/5 * * * *", (3, 10), False),
        ("17 */6 * * *", (12, 17), True),
        ("17 */6 * * *", (13, 17), False),
    ],
)
def test_cron_lines(line: str, at: tuple[int, int], *, is_due: bool) -> None:
    """The lines that the project's schedules have."""
    assert Cron(line).is_due(START.replace(hour=at[0], minute=at[1])) is is_due


def test_a_cron_line_of_weekdays_is_refused() -> None:
    """One that would be misread is an error."""
    with pytest.raises(ValueError, match="only minutes and hours"):
        Cron("0 0 * * 1")


def judged(group: str, name: str, *by_day: float) -> Verdict:
    """What is made of one figure."""
    days = [{(group, name): value} for value in by_day]
    (verdict,) = verdicts(days, {"MARKET_KEEP_CONTEXTS_HOURS": timedelta(days=7)})
    return verdict


def test_what_levels_out_is_flat() -> None:
    """Growth at first and none in the last two days; a hair more is noise."""
    verdict = judged(INSTANCE, "runs.runs", 100, 900, 1000, 1004, 1010)
    assert verdict.word == "flat"
    assert verdict.before == pytest.approx((1000 / 100 - 1) / 2)
    assert verdict.recent == pytest.approx(0.005)


def test_what_goes_on_is_told() -> None:
    """The same growth each day, in rows that nobody deletes."""
    assert judged(INSTANCE, "index.event_logs", 1000, 2000, 3000, 4000).word == "GROWS"
    assert judged(PROCESS, "resident, MB", 300, 320, 340, 360).word == "GROWS"


def test_a_table_is_judged_by_how_long_its_rows_are_kept() -> None:
    """Kept longer than was simulated; for as long; for ever."""
    contexts, days = "hyperliquid_asset_contexts", [1000.0 * day for day in range(1, 10)]
    assert judged(ROWS, contexts, *days[:4]).word == "filling"
    assert judged(ROWS, contexts, *days).word == "GROWS"
    assert judged(ROWS, contexts, *days[:7], 7000.0, 7010.0).word == "flat"
    assert judged(ROWS, "polymarket_trades", *days).word == "by design"


def test_the_table_has_a_column_for_each_day() -> None:
    """Figure, days, two growths, a word."""
    header, _, line = as_table([judged(ROWS, "polymarket_trades", 1000, 2000, 3000)])
    assert header.count("day") == 5
    assert line.split("|")[1:5] == [" rows: polymarket_trades ", " 1,000 ", " 2,000 ", " 3,000 "]

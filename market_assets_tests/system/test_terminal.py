"""The terminal of `make run` is for people: also on a day on which nothing can be reached."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dagster import DagsterInstance

from market_assets_tests.system.running import system, until

DOWN = "http://127.0.0.1:9"
NOWHERE = {
    "HYPERLIQUID_API_URL": DOWN,
    "HYPERLIQUID_WS_URL": "ws://127.0.0.1:9/ws",
    "POLYMARKET_GAMMA_URL": DOWN,
    "POLYMARKET_DATA_URL": DOWN,
    "POLYMARKET_CLOB_URL": DOWN,
    "DEFILLAMA_API_URL": DOWN,
    "DEFILLAMA_STABLECOINS_URL": DOWN,
}
A_TRACE = re.compile(r"Traceback|Stack Trace|^ +File \"", re.MULTILINE)
MOST_LINES = 40


@pytest.mark.timeout(600)
def test_a_start_without_a_network(tmp_path: Path) -> None:
    """Where the UI and the log are, that nothing is reached, what failed and why; no trace."""
    with system(tmp_path, **NOWHERE) as running:
        running.start(simulated=False)
        said = running.log.read_text
        until(lambda: "UPSTREAM=simulated" in said(), "told that no venue is reached", 240)
        until(lambda: "failed: hyperliquid/registry" in said(), "told of a channel", 300)
        log = (running.database.parent / "logs" / "run.log").read_text()
        assert running.stop() == 0
        assert running.processes() == []
        terminal = said()
        with DagsterInstance.from_config(str(running.home)) as instance:
            errors = [
                data.error
                for run in instance.get_runs()
                for entry in instance.all_logs(run.run_id)
                if entry.dagster_event is not None
                and (data := entry.dagster_event.event_specific_data) is not None
                and getattr(data, "error", None) is not None
                and "Venue" in str(data.error.cls_name)
            ]
    assert re.search(r"UI +http://127\.0\.0\.1:\d+", terminal)
    assert f"{running.database.parent}/logs/run.log" in terminal.splitlines()[0]
    assert terminal.count("no venue can be reached") == 1
    assert "ConnectError" in terminal
    assert len(terminal.splitlines()) < MOST_LINES
    assert not A_TRACE.search(terminal)
    assert "asking again" in log
    assert errors
    assert all(error.stack == [] and error.cause is None for error in errors)
    assert not A_TRACE.search(log)

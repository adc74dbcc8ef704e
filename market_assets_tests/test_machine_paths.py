"""The machine's files beside the database: nobody's are another's."""

from __future__ import annotations

from pathlib import Path

from market_assets.machine_paths import machine_paths


def test_no_two_things_have_the_same_file() -> None:
    machine = machine_paths(Path("data/market.duckdb"))
    files = [
        *(machine.budget(name) for name in ("hyperliquid", "defillama")),
        *(machine.stream(name).spool for name in ("hyperliquid", "other", "third")),
        *(machine.endpoints, machine.run, machine.run_lock, machine.run_totals, machine.standings),
    ]
    assert len(set(files)) == len(files)
    assert all(file.is_relative_to(machine.folder) for file in files)


def test_the_first_stream_keeps_its_places() -> None:
    """Sessions of before there were several streams hold these locks, and drain this spool."""
    machine = machine_paths(Path("data/market.duckdb"))
    assert machine.stream("hyperliquid") == (Path("data/live"), Path("data/live/spool"))
    assert machine.stream("other").folder == Path("data/live/streams/other")

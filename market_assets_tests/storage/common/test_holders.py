"""What an error says of the process that is in the way."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from market_assets.storage.common import holders
from market_assets.storage.common.flock import take
from market_assets.storage.common.holders import command, note
from market_assets_tests.storage.processes import started

if TYPE_CHECKING:
    from pathlib import Path


def test_the_last_writer_is_named_where_locks_are_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `/proc/locks` the word in the file is taken; without one, nobody is accused."""
    monkeypatch.setattr(holders, "_PROC_LOCKS", tmp_path / "none")
    path = tmp_path / "lock"
    assert holders.holders(path) == "another process"
    descriptor = take(path, exclusive=True, deadline=0)
    assert holders.holders(path) == "another process"
    note(descriptor, "waits for a friend")
    assert re.match(rf"PID {os.getpid()} \(.+\), which waits for a friend", holders.holders(path))
    note(descriptor, "")
    assert re.match(rf"PID {os.getpid()} \(.+\)$", holders.holders(path))
    os.close(descriptor)


def test_a_command_is_one_short_line() -> None:
    """A long one is cut, a process that is gone is called gone."""
    with started("import sys; sys.stdin.read()", "x\n" * 200) as process:
        deadline = time.monotonic() + 10
        while (said := command(process.pid)) == "no command line":  # it is only just starting
            assert time.monotonic() < deadline
        assert len(said) == 120
        assert "\n" not in said
    assert command(process.pid) == "gone"


def test_a_command_that_may_not_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's process has a number and no name."""

    def denied(_pid: int) -> psutil.Process:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "Process", denied)
    assert command(1) == "another user's"

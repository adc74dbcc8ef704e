"""Groups of real processes: found and stopped, whatever the wall clock does meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from market_assets.cli.processes import Group, start

_FAMILY = (
    "import subprocess, sys;"
    " c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    " print(c.pid, flush=True); c.wait()"
)


@pytest.fixture
def family(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Group, int]]:
    """A leader and its child, and what is known of their group."""
    leader, group = start(
        "family",
        [sys.executable, "-c", _FAMILY],
        env=os.environ,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    )
    assert leader.stdout is not None
    child = int(leader.stdout.readline())
    yield leader, group, child
    for pid in (leader.pid, child):
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)
    leader.wait()
    leader.stdout.close()


@pytest.mark.parametrize("seconds", [-3600.0, -5.0, 5.0, 3600.0])
def test_a_group_is_stopped_after_the_clock_was_set(
    family: tuple[subprocess.Popen[str], Group, int],
    seconds: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leader, group, child = family
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: real(self) + seconds)
    assert {one.pid for one in group.members()} == {leader.pid, child}
    assert group.stop(patience=20.0)
    assert group.members() == []
    assert leader.poll() is not None


def test_what_its_leader_left_behind_is_still_the_group(
    family: tuple[subprocess.Popen[str], Group, int],
) -> None:
    leader, group, child = family
    leader.kill()
    leader.wait()
    assert [one.pid for one in group.members()] == [child]
    assert group.stop(patience=20.0)


def test_a_later_group_with_the_same_number_is_left_alone(
    family: tuple[subprocess.Popen[str], Group, int],
) -> None:
    leader, group, _ = family
    for other in (
        replace(group, started=group.started - 1),
        replace(group, boot="another"),
    ):
        assert other.members() == []
        assert other.stop(patience=20.0)
    assert leader.poll() is None

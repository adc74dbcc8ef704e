"""Process groups: started together, told to stop together, waited for until the last is gone.

`dagster dev` is a parent with a daemon, a web server, code servers and a worker per run. A signal
to the parent alone leaves workers behind; the group gets it here.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

from market_assets.process_identity import ProcessFacts, ProcessIdentity, boot, process_facts

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_POLL_S: Final = 0.1


@dataclass(frozen=True)
class Group:
    """A process group, by the process that leads or led it.

    Attributes:
        name: what it is, for people.
        pgid: the number of its leader, which is the group's and the session's.
        started: when the leader started; tells the group from a later one with the same number.
        boot: which boot that was.
    """

    name: str
    pgid: int
    started: float
    boot: str

    def members(self) -> list[ProcessFacts]:
        """Processes of the group that are alive, zombies aside.

        A number is not given away while anything is left in its group or session, so whatever is
        in it is the group's own, unless the number leads another process by now.
        """
        if self.boot != boot():
            return []
        leader = process_facts(self.pgid)
        if leader is not None and leader.started != self.started:
            return []
        every = (process_facts(pid) for pid in psutil.pids())
        return [
            one
            for one in every
            if one is not None
            and self.pgid in (one.group, one.session)
            and one.started >= self.started
            and not one.is_zombie
        ]

    def stop(self, steps: Sequence[tuple[signal.Signals, float]]) -> bool:
        """Signal the group, wait, and go on to the next signal if anything is left.

        Args:
            steps: signals, each with the seconds to wait after it.

        Returns:
            Whether nothing is left.
        """
        for which, patience in steps:
            for process in self.members():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(process.pid, which)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if not self.members():
                    return True
                time.sleep(_POLL_S)
        return not self.members()


def start(
    name: str,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    stdout: int | None = None,
) -> tuple[subprocess.Popen[str], Group]:
    """Start a command as the leader of a group of its own, so that Ctrl-C reaches it through us."""
    process = subprocess.Popen(  # noqa: S603 - our own commands
        command, env=dict(env), cwd=cwd, stdout=stdout, text=True, start_new_session=True
    )
    leader = ProcessIdentity.of(process.pid)
    assert leader is not None, "a child that is not waited for has a number until it is"
    return process, Group(name, leader.pid, leader.started, leader.boot)

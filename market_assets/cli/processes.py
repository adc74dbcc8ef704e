"""Process groups: started together, told to stop together, waited for until the last is gone.

`dagster dev` is a parent with a daemon, a web server, code servers and a worker per run. A signal
to the parent alone leaves workers behind; the group gets it here.
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_POLL_S: Final = 0.1


@dataclass(frozen=True)
class Group:
    """A process group, by the id of the process that leads it and when that one began.

    The time tells it from a later group with the same number.
    """

    name: str
    pgid: int
    since: float

    def members(self) -> list[psutil.Process]:
        """Processes of the group that are alive, zombies aside."""
        found = []
        for process in psutil.process_iter():
            try:
                if (
                    os.getpgid(process.pid) == self.pgid
                    and process.create_time() >= self.since - 1
                    and process.status() != psutil.STATUS_ZOMBIE
                ):
                    found.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return found

    def stop(self, steps: Sequence[tuple[signal.Signals, float]]) -> bool:
        """Signal the group, wait, and go on to the next signal if anything is left.

        Args:
            steps: signals, each with the seconds to wait after it.

        Returns:
            Whether the first signal was enough.
        """
        for nth, (which, patience) in enumerate(steps):
            for process in self.members():
                try:
                    process.send_signal(which)
                except psutil.NoSuchProcess:
                    continue
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if not self.members():
                    return nth == 0
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
    return process, Group(name, process.pid, psutil.Process(process.pid).create_time())

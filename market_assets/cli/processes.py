"""Process groups: started together, told to stop together, waited for until the last is gone.

Dagster's services are a parent with a daemon, a web server and a code server, and each run is a
process too. A signal to the parent alone leaves some behind; the group gets it here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from market_assets.process_identity import ProcessFacts, ProcessIdentity, boot, process_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from threading import Event

_POLL_S: Final = 0.1
_KILLED_WITHIN_S: Final = 3.0
"""How long the kernel may take to end what was killed: on a busy machine it is not at once."""


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

    def stop(
        self,
        *,
        patience: float,
        hurry: Event | None = None,
        is_worth_waiting_for: Callable[[int], bool] = lambda _: True,
        others: float | None = None,
    ) -> bool:
        """Interrupt every process, also one that joins meanwhile; kill what does not end.

        Args:
            patience: seconds that they may take.
            hurry: once it is set, nothing is waited for.
            is_worth_waiting_for: whether the process with this number has something to put away.
            others: seconds after which those that have not are killed, if nothing else is left;
                by default the same patience.

        Returns:
            Whether nothing is left.
        """
        began = time.monotonic()
        told: set[int] = set()
        while members := self.members():
            waited = time.monotonic() - began
            if (hurry is not None and hurry.is_set()) or waited >= patience:
                return self.kill()
            if (
                others is not None
                and waited >= others
                and not any(is_worth_waiting_for(one.pid) for one in members)
            ):
                return self.kill()
            for one in members:
                if one.pid not in told:
                    told.add(one.pid)
                    _send(one.pid, signal.SIGINT)
            _pause(hurry)
        return True

    def kill(self, which: Callable[[int], bool] = lambda _: True) -> bool:
        """Kill the processes whose numbers `which` names; whether they are gone."""
        deadline = time.monotonic() + _KILLED_WITHIN_S
        while members := [one for one in self.members() if which(one.pid)]:
            for one in members:
                _send(one.pid, signal.SIGKILL)
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return True


def start(
    name: str,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    stdout: int | None = None,
    stderr: int | None = None,
) -> tuple[subprocess.Popen[str], Group]:
    """Start a command as the leader of a group of its own, so that Ctrl-C reaches it through us."""
    process = subprocess.Popen(  # noqa: S603 - our own commands
        command,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )
    leader = ProcessIdentity.of(process.pid)
    assert leader is not None, "a child that is not waited for has a number until it is"
    return process, Group(name, leader.pid, leader.started, leader.boot)


def command_of(pid: int) -> str:
    """The command line of a process; empty if there is none of that number."""
    try:
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    except FileNotFoundError:
        with suppress(psutil.Error):
            return " ".join(psutil.Process(pid).cmdline())
    except OSError:
        pass
    return ""


def _send(pid: int, which: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, which)


def _pause(hurry: Event | None) -> None:
    if hurry is None:
        time.sleep(_POLL_S)
    else:
        hurry.wait(_POLL_S)

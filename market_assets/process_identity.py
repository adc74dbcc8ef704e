"""Which process it is: its number, and when it started by a clock that nobody sets.

A number alone is soon another process's. The start is told in ticks since boot: in wall-clock time,
as psutil gives it, it would move whenever somebody sets the clock. Ticks begin anew with each boot,
so the boot is named too. Where there is no `/proc` (macOS), the start is psutil's, which is the one
that the kernel has written down there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import psutil

WORKER_TAG: Final = "market_assets/worker"
"""The tag of a Dagster run that names its process, as `str(ProcessIdentity)`."""
_PROC: Final = Path("/proc")
_STATE: Final = 0
_GROUP: Final = 2
_SESSION: Final = 3
_START_TIME: Final = 19
"""Places after the name in `/proc/<pid>/stat`: its fields 3, 5, 6 and 22."""


class ProcessFacts(NamedTuple):
    """What the system says of a process.

    Attributes:
        pid: its number.
        started: when it started: ticks since boot.
        group: the number of its process group.
        session: the number of its session.
        is_zombie: it has ended, and its parent has not asked how.
    """

    pid: int
    started: float
    group: int
    session: int
    is_zombie: bool


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that cannot be taken for a later one with the same number.

    Attributes:
        pid: its number.
        started: when it started: ticks since boot.
        boot: which boot that was.
    """

    pid: int
    started: float
    boot: str

    @classmethod
    def of(cls, pid: int | None = None) -> ProcessIdentity | None:
        """Who has the number now, by default this process; None if nobody has."""
        pid = os.getpid() if pid is None else pid
        started = process_started(pid)
        return None if started is None else cls(pid, started, boot())

    @classmethod
    def parse(cls, text: str) -> ProcessIdentity | None:
        """What `str()` of an identity gave; None if the text is something else."""
        pid, _, rest = text.partition("/")
        started, _, of_boot = rest.partition("/")
        try:
            return cls(int(pid), float(started), of_boot)
        except ValueError:
            return None

    def __str__(self) -> str:
        """One line without blanks, for a tag or a file: `4711/183920/4b0c…`."""
        return f"{self.pid}/{self.started!r}/{self.boot}"

    @property
    def is_alive(self) -> bool:
        """Whether that very process is there, and not only its exit code."""
        facts = process_facts(self.pid) if self.boot == boot() else None
        return facts is not None and facts.started == self.started and not facts.is_zombie


def process_started(pid: int) -> float | None:
    """When a process started, in ticks since boot; None if there is none of that number."""
    facts = process_facts(pid)
    return None if facts is None else facts.started


def process_facts(pid: int) -> ProcessFacts | None:
    """What the system says of a process; None if there is none of that number."""
    if not (_PROC / "self" / "stat").exists():
        return _portable_facts(pid)
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    fields = stat.rpartition(b")")[2].split()
    return ProcessFacts(
        pid=pid,
        started=float(fields[_START_TIME]),
        group=int(fields[_GROUP]),
        session=int(fields[_SESSION]),
        is_zombie=fields[_STATE] in (b"Z", b"X"),
    )


@cache
def boot() -> str:
    """Which boot this is; empty where the system does not say."""
    try:
        return (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
    except OSError:
        return ""


def _portable_facts(pid: int) -> ProcessFacts | None:
    try:
        process = psutil.Process(pid)
        return ProcessFacts(
            pid=pid,
            started=process.create_time(),
            group=os.getpgid(pid),
            session=os.getsid(pid),
            is_zombie=process.status() == psutil.STATUS_ZOMBIE,
        )
    except (psutil.Error, OSError):
        return None

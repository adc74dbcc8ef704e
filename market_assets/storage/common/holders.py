"""Who holds a lock file, for the message of an error. Nothing is decided by what is found here."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from market_assets.storage.common.errors import one_line

_PROC_LOCKS: Final = Path("/proc/locks")


def note(descriptor: int, text: str) -> None:
    """Leave word in a lock file that is held exclusively: this process, and what it waits for."""
    word = f"{os.getpid()} {text}".encode()
    with suppress(OSError):  # on a full disk the lock holds as well without the word
        os.pwrite(descriptor, word, 0)
        os.ftruncate(descriptor, len(word))


def holders(path: Path) -> str:
    """The processes that hold the lock file now: `PID 71 (python -m …)`.

    Linux lists them; elsewhere the last writer's word is taken. Never fails: what cannot be found
    out is "another process".
    """
    try:
        noted, _, waiting = path.read_text("utf-8").partition(" ")
    except (OSError, UnicodeDecodeError):
        noted, waiting = "", ""
    pids = _listed(path)
    if not pids and noted.isdigit():
        pids = [int(noted)]
    names = [
        f"PID {pid} ({command(pid)})"
        + (f", which {waiting}" if waiting and noted == str(pid) else "")
        for pid in pids
    ]
    return " and ".join(names) or "another process"


def command(pid: int) -> str:
    """The command line of a process, or `gone`, on one line of at most 120 characters."""
    import psutil  # noqa: PLC0415 - 20 ms that only an error pays

    try:
        return one_line(" ".join(psutil.Process(pid).cmdline()), 120) or "no command line"
    except psutil.NoSuchProcess:
        return "gone"
    except psutil.AccessDenied:
        return "another user's"


def _listed(path: Path) -> list[int]:
    """PIDs that `/proc/locks` gives for the file: `1: FLOCK ADVISORY WRITE 71 fe:00:42 0 EOF`.

    Lines of those who wait carry `->` and are left out. The device numbers are left out of the
    comparison: btrfs and overlayfs show others there than `stat` does.
    """
    try:
        lines = _PROC_LOCKS.read_text("ascii").splitlines()
        inode = path.stat().st_ino
    except OSError:
        return []
    pids: list[int] = []
    for line in lines:
        fields = line.split()
        if len(fields) < 6 or fields[1] != "FLOCK":  # noqa: PLR2004 - fields up to the inode
            continue
        if fields[5].rpartition(":")[2] == str(inode) and fields[4] not in ("0", "-1"):
            pids.append(int(fields[4]))
    return sorted(set(pids))

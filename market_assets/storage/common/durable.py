"""Files that are whole or not there, whatever happens: written beside, synced, renamed."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from market_assets.storage.common.errors import from_os

if TYPE_CHECKING:
    from pathlib import Path


def settle(temporary: Path, target: Path) -> None:
    """Put a finished file in the target's place, whole and for good: fsync, rename, fsync.

    Whoever has the old file open keeps it; whoever opens the path sees the old or the new one.
    """
    try:
        sync(temporary)
        temporary.rename(target)
        sync(target.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise from_os(target.parent, error) from error


def sync(path: Path) -> None:
    """Have the file, or the folder's list of names, on the disk. Never for a live database."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary_beside(target: Path, purpose: str) -> Path:
    """A name that nobody else uses, in the target's folder, that `remove_stale` knows.

    Never the same twice: the `cp` of a killed process may still be at work on the last one.
    """
    return target.with_name(f".{target.name}.{purpose}-{secrets.token_hex(6)}")


def remove_stale(target: Path, purpose: str) -> None:
    """Remove what killed processes left; the caller holds the lock of that purpose."""
    for path in target.parent.glob(f".{target.name}.{purpose}-*"):
        path.unlink(missing_ok=True)

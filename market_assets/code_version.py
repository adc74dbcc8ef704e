"""Which code this is: a digest of the package's files, so that a running stream knows it is old."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent
_KINDS: Final = (".py", ".sql", ".csv")


@cache
def code_version() -> str:
    """Twelve hex digits that change with any file of the package, as it was when first asked.

    In a process that asks at its start, the version of the code that the process runs.
    """
    return code_version_on_disk()


def code_version_on_disk() -> str:
    """The same of the files as they are now: what a process that starts now will run."""
    digest = hashlib.sha256()
    for file in _files():
        digest.update(str(file.relative_to(_PACKAGE)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def code_stamp() -> str:
    """Changes whenever a file of the package is written, added or removed; reads none of them."""
    digest = hashlib.sha256()
    for file in _files():
        there = file.stat()
        digest.update(f"{file}\0{there.st_mtime_ns}\0{there.st_size}\0{there.st_ino}".encode())
    return digest.hexdigest()[:12]


def _files() -> list[Path]:
    return sorted(file for file in _PACKAGE.rglob("*") if file.suffix in _KINDS)

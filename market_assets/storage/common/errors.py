"""What can go wrong with the store, one class for each thing that a caller can do about it.

    StoreError
    ├── StoreLocked      somebody else holds the live file: wait, or end that process
    ├── StoreUnwritable  the folder is missing, read-only or full: make room, or point elsewhere
    ├── SpoolFull        the spool is at its limit: something keeps the drain from working
    ├── NotADatabase     the path holds something that DuckDB cannot open: point elsewhere
    ├── NewerSchema      the file was made by a newer version: upgrade the project
    ├── OtherUpstream    the file holds rows of simulated venues, or of the real ones: not these
    ├── NothingPublished there is no published file yet
    ├── ArchiveUnreadable a file of the archive is damaged: restore it, or move it away
    └── NoArchive        rows are for the archive, and it is off

Every message is one line that names the file. DuckDB's and the system's own errors are turned
into these here, by their text, because DuckDB has one exception class for all of them.
"""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path


class StoreError(Exception):
    """The store could not do what it was asked; the message is one line and names the file."""


class StoreLocked(StoreError):  # noqa: N818 - reads as what happened
    """Another process held the live file for longer than the caller wanted to wait."""


class StoreUnwritable(StoreError):  # noqa: N818 - reads as what happened
    """A folder of the store is missing, read-only or full."""


class SpoolFull(StoreError):  # noqa: N818 - reads as what happened
    """The spool holds as much as it may; the rows that were offered are not in it."""


class NotADatabase(StoreError):  # noqa: N818 - reads as what happened
    """The path holds a folder or a file of another kind."""


class NewerSchema(StoreError):  # noqa: N818 - reads as what happened
    """The file was written by a newer version of this project, or of DuckDB."""


class OtherUpstream(StoreError):  # noqa: N818 - reads as what happened
    """The file holds rows of simulated venues and these would be real ones, or the reverse."""


class NothingPublished(StoreError):  # noqa: N818 - reads as what happened
    """There is no published file yet."""


class ArchiveUnreadable(StoreError):  # noqa: N818 - reads as what happened
    """A file of the archive cannot be read. It stays as it is."""


class NoArchive(StoreError):  # noqa: N818 - reads as what happened
    """Rows that retention would delete at once have nowhere to go: the archive is off."""


_UNWRITABLE: Final = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EEXIST,
    }
)

_FULL: Final = re.compile(
    r"No space left|File too large|Disk quota|not enough space", re.IGNORECASE
)
_FORBIDDEN: Final = re.compile(r"Permission denied|Read-only file system", re.IGNORECASE)
_NOT_DUCKDB: Final = re.compile(
    r"not a valid DuckDB database|Is a directory|is an existing extension|sqlite_scanner"
)
_NEWER: Final = re.compile(r"created with an? newer version|version number \d+, but we can only")


def is_lock_refusal(text: str) -> bool:
    """Whether DuckDB's error says that another process holds the file.

    The same exception class also means a missing directory or a junk file, which no waiting cures.
    """
    return "Could not set lock on file" in text


def from_duckdb(path: Path, text: str) -> StoreError:
    """The error that DuckDB's text means for the database at `path`."""
    line = one_line(text)
    if is_lock_refusal(text):
        return StoreLocked(f"{path} is held by another process: {line}")
    if _FULL.search(text):
        return StoreUnwritable(f"{path.parent} is full: {line}")
    if _FORBIDDEN.search(text):
        return StoreUnwritable(f"{path.parent} cannot be written: {line}")
    if _NEWER.search(text):
        return NewerSchema(f"{path} needs a newer DuckDB: {line}")
    if _NOT_DUCKDB.search(text):
        return NotADatabase(f"{path} is not a DuckDB database: {line}")
    return StoreError(f"{path}: {line}")


def from_os(folder: Path, error: OSError) -> StoreError:
    """The error that a failed system call means for something in `folder`."""
    reason = error.strerror or str(error)
    if error.errno in _UNWRITABLE:
        return StoreUnwritable(f"{folder} cannot be written: {reason}")
    return StoreError(f"{folder}: {reason}")


def one_line(text: str, limit: int = 400) -> str:
    """The text on one line, cut to `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"

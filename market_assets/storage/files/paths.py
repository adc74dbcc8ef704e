"""Where the store's files are, all told from the path of the published database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class StorePaths:
    """The files of one store.

    Attributes:
        published: `MARKET_DB`, the file that everybody may open for as long as they like.
    """

    published: Path

    @property
    def folder(self) -> Path:
        """The project's own folder beside the published file."""
        return self.published.parent / "live"

    @property
    def live(self) -> Path:
        """The database that is written, opened only inside the gate."""
        return self.folder / self.published.name

    def is_large(self) -> bool:
        """Whether a query that reads the live file whole would keep others waiting."""
        try:
            return self.live.stat().st_size >= LARGE
        except OSError:
            return False

    @property
    def wal(self) -> Path:
        """DuckDB's write-ahead log of the live file; there after a writer was killed."""
        return _beside(self.live, ".wal")

    @property
    def published_wal(self) -> Path:
        """What somebody leaves who opens the published file for writing."""
        return _beside(self.published, ".wal")

    @property
    def gate(self) -> Path:
        """The first of the two lock files: where those wait who are next."""
        return _beside(self.live, ".gate")

    @property
    def lock(self) -> Path:
        """The second lock file: held while the live file is open."""
        return _beside(self.live, ".lock")

    @property
    def copying(self) -> Path:
        """Locked while the live file is copied: writers then wait before the gate, not in it."""
        return _beside(self.live, ".copying")

    @property
    def publishing(self) -> Path:
        """Locked by the one process that publishes."""
        return _beside(self.live, ".publishing")

    @property
    def publications(self) -> Path:
        """What was published last, what it cost, and whether it failed since; JSON."""
        return _beside(self.live, ".published.json")

    @property
    def archived(self) -> Path:
        """Touched when the archive changes and the live file does not."""
        return _beside(self.live, ".archived")

    @property
    def compaction(self) -> Path:
        """Why the last compaction failed, while it has not succeeded since; JSON."""
        return _beside(self.live, ".rewriting.json")


LARGE: Final = 50_000_000
"""Bytes from which on a scan of the live file is felt by those who wait to write."""


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)

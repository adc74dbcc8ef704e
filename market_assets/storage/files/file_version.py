"""Which of the files stands at a path that were put there by rename, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from market_assets.clock import from_s
from market_assets.storage.common.errors import NothingPublished, from_os

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True)
class Version:
    """Which file stands at the path: no two that were published are equal."""

    inode: int
    modified_ns: int
    size: int

    @property
    def at(self) -> datetime:
        """When it was written, to the microsecond."""
        return from_s(self.modified_ns // 1000 / 1e6)

    @property
    def tag(self) -> str:
        """Short text that differs from version to version."""
        return f"{self.modified_ns:x}-{self.size:x}-{self.inode:x}"


def version_of(path: Path) -> Version:
    """The one that stands there now.

    Raises:
        NothingPublished: there is none.
        StoreError: the folder cannot be read.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise NothingPublished(
            f"{path} is not there: nothing has been published yet; `make run` does"
        ) from None
    except OSError as error:
        raise from_os(path.parent, error) from error
    return Version(found.st_ino, found.st_mtime_ns, found.st_size)

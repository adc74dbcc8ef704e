"""The store that the settings name: the one place that knows which backends there are.

Today there is one: two DuckDB files (`files/`). Nothing outside of `storage` imports a backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from pathlib import Path

    from market_assets.storage.api import Reader, Snapshots, Store
    from market_assets.storage.common.outcomes import Standing
    from market_assets.storage.common.upstream import Upstream

# Backends are imported where they are opened: `status` looks at small files, and need not pay for
# DuckDB and polars.


def open_store(
    published: Path,
    *,
    lock_wait: timedelta,
    publish_bytes_per_second: float,
    upstream: Upstream | None = None,
    archive: Path | None = None,
    archive_limit: int = 0,
) -> Store:
    """The store; nothing is opened or made before it is first asked for something.

    Args:
        published: `MARKET_DB`.
        lock_wait: how long a call may wait for others before it raises `StoreLocked`.
        publish_bytes_per_second: what publishing may copy on average.
        upstream: whose rows are to be written; None: whose it holds already.
        archive: where rows go that are past their retention; None: nowhere.
        archive_limit: bytes beyond which its oldest day goes; 0: none.
    """
    from market_assets.storage.files.store import FileStore  # noqa: PLC0415

    return FileStore(
        published,
        lock_wait=lock_wait,
        publish_bytes_per_second=publish_bytes_per_second,
        upstream=upstream,
        archive=archive,
        archive_limit=archive_limit,
    )


def open_snapshots(published: Path) -> Snapshots:
    """What readers that stay read; nothing is opened before the first of them asks.

    Args:
        published: `MARKET_DB`.
    """
    from market_assets.storage.files.published import Published  # noqa: PLC0415

    return Published(published)


def open_reader(published: Path) -> Reader:
    """A person's connection to what is published, read-only.

    Args:
        published: `MARKET_DB`.

    Raises:
        NothingPublished: there is nothing yet.
        StoreError: it cannot be opened.
    """
    from market_assets.storage.files.reader import FileReader  # noqa: PLC0415

    return FileReader(published)


def standing(published: Path, *, bytes_per_second: float, now: datetime) -> Standing | None:
    """How far behind readers are, and why; None where there is nothing to publish.

    No database is opened for it.

    Args:
        published: `MARKET_DB`.
        bytes_per_second: what publishing may copy on average.
        now: the present.
    """
    from market_assets.storage.files import publications  # noqa: PLC0415
    from market_assets.storage.files.paths import StorePaths  # noqa: PLC0415

    paths = StorePaths(published)
    return publications.standing(paths, bytes_per_second=bytes_per_second, now=now)


def database_files(published: Path) -> Mapping[str, Path]:
    """The databases whose sizes are worth telling, by what they are called.

    Args:
        published: `MARKET_DB`.
    """
    from market_assets.storage.files.paths import StorePaths  # noqa: PLC0415

    paths = StorePaths(published)
    return {"live": paths.live, "published": paths.published}

"""How a store comes to be: its folders, its live file, its tables; from nothing or from a copy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from market_assets.storage.common.connection import transaction
from market_assets.storage.common.durable import remove_stale, settle, temporary_beside
from market_assets.storage.common.errors import StoreError, StoreUnwritable, from_os
from market_assets.storage.common.macros import drop_macros
from market_assets.storage.common.migrate import Migration, is_current, migrate
from market_assets.storage.common.upstream import is_stamped, stamp
from market_assets.storage.files.archive.views import drop_views
from market_assets.storage.files.copying import copy
from market_assets.storage.files.kind import check_is_database
from market_assets.storage.files.live import LiveMissing, connected, opened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from market_assets.storage.common.upstream import Upstream
    from market_assets.storage.files.gate import Gate, Hold
    from market_assets.storage.files.paths import StorePaths
    from market_assets.tables import TableSpec


def prepare(
    paths: StorePaths,
    gate: Gate,
    *,
    tables: Sequence[TableSpec],
    steps: Sequence[Migration],
    now: datetime,
    upstream: Upstream | None = None,
) -> None:
    """Make the store ready to use, or raise what stands in the way; only reads when it is ready.

    Without a live file, it starts from a copy of the published one (a restored backup, or somebody
    cleared the folder `live`), and empty where there is none.

    Raises:
        StoreUnwritable: a folder cannot be made or written.
        NotADatabase: the published or the live path holds something else.
        NewerSchema: a newer version wrote the file.
        OtherUpstream: it holds the rows of other venues.
    """
    _make_folders(paths)
    check_is_database(paths.published)
    try:
        with opened(paths, gate, exclusive=False) as session:
            if is_current(session.connection, tables, steps, paths.live) and is_stamped(
                session.connection, upstream
            ):
                return
    except LiveMissing:
        pass
    with gate.passed(exclusive=True) as hold:
        if paths.live.exists():
            with connected(paths.live, hold=hold) as connection:
                migrate(connection, tables, steps, path=paths.live, now=now)
                with transaction(connection):
                    stamp(connection, upstream, path=paths.published, tables=tables)
        else:
            _make_live(paths, hold, tables, steps, now=now, upstream=upstream)


def _make_folders(paths: StorePaths) -> None:
    for folder in (paths.published.parent, paths.folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise from_os(folder, error) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise StoreUnwritable(f"{folder} cannot be written: Permission denied")


def _make_live(
    paths: StorePaths,
    hold: Hold,
    tables: Sequence[TableSpec],
    steps: Sequence[Migration],
    *,
    now: datetime,
    upstream: Upstream | None,
) -> None:
    """Make the file beside its place and put it there whole: a half-made one opens no more."""
    remove_stale(paths.live, "new")
    # The log of a file that is gone; DuckDB would refuse to open another one beside it.
    paths.wal.unlink(missing_ok=True)
    temporary = temporary_beside(paths.live, "new")
    try:
        if paths.published.exists():
            copy(paths.published, temporary)
        with connected(temporary, hold=hold, called=paths.published) as connection:
            drop_macros(connection)
            drop_views(connection)
            migrate(connection, tables, steps, path=paths.published, now=now)
            with transaction(connection):
                stamp(connection, upstream, path=paths.published, tables=tables)
    except (StoreError, OSError):
        remove_stale(paths.live, "new")
        raise
    settle(temporary, paths.live)

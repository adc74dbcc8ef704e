"""The published file: a copy of the live one that people open for as long as they like.

It is replaced by `rename`, never written in place: whoever has it open keeps what he has, and
whoever opens it next sees the new one. Copying is paced, because a copy costs what the file is
long: only when something changed, and so that on average no more than a given number of bytes per
second is copied. A small file therefore follows within seconds, a large one within minutes.

A copy only reads, so that readers of the live file do not wait for it; writers do. An attempt that
fails is kept on record (`publications.py`): nobody who only reads would notice.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from market_assets.storage.common.connection import fetch, transaction
from market_assets.storage.common.durable import remove_stale, settle, temporary_beside
from market_assets.storage.common.errors import StoreError, StoreLocked, from_os
from market_assets.storage.common.flock import take
from market_assets.storage.common.macros import create_macros
from market_assets.storage.common.outcomes import Publication
from market_assets.storage.common.upstream import sign
from market_assets.storage.files.copying import copy
from market_assets.storage.files.kind import check_is_database
from market_assets.storage.files.live import LiveMissing, connected
from market_assets.storage.files.publications import Publications, identity, live_identity, recall

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from market_assets.clock import Clock
    from market_assets.storage.files.gate import Gate, Hold
    from market_assets.storage.files.paths import StorePaths

_LOG = logging.getLogger(__name__)

_PURPOSE: Final = "publishing"
_FAILURE_COSTS: Final = 10
"""An attempt that failed is repeated after so many times as long as it took: one that blocked
writers for a minute does not do so all the time."""
_SHORTEST_PAUSE: Final = timedelta(seconds=5)
_CHECKPOINTS: Final = 5
"""Killed writers in a row, each of which leaves a log, before it is given up."""


def publish(
    paths: StorePaths,
    gate: Gate,
    *,
    bytes_per_second: float,
    force: bool,
    clock: Clock,
    complete: Callable[[DuckDBPyConnection], None] = lambda _: None,
) -> Publication:
    """Bring the published file up to date, if the pace allows or `force` says so.

    Args:
        paths: the store's files.
        gate: of the live file.
        bytes_per_second: what may be copied on average.
        force: now, and waiting for another publisher rather than leaving it to him.
        clock: of the pace.
        complete: adds to the copy what readers find in it beside the tables.

    Raises:
        StoreLocked: the live file, or with `force` the publisher's lock, was not to be had.
        StoreUnwritable: no room for the copy; the published file stays as it was.
        NotADatabase: something else stands in the published file's place.
    """
    try:
        descriptor = take(
            paths.publishing, exclusive=True, deadline=gate.deadline() if force else 0
        )
    except StoreLocked:
        if force:
            raise
        return Publication("busy")
    try:
        return _publish(
            paths,
            gate,
            bytes_per_second=bytes_per_second,
            force=force,
            clock=clock,
            complete=complete,
        )
    finally:
        os.close(descriptor)


def _publish(
    paths: StorePaths,
    gate: Gate,
    *,
    bytes_per_second: float,
    force: bool,
    clock: Clock,
    complete: Callable[[DuckDBPyConnection], None],
) -> Publication:
    recalled, now = recall(paths.publications), clock.now()
    known = recalled
    if known.is_current(paths):
        if known.error is not None:
            _note(paths, replace(known, error=None, again_at=None, live_changed_at=None))
        return Publication("unchanged", due_at=known.due_at(bytes_per_second))
    known = known.seen(paths, now)
    due = known.due_at(bytes_per_second)
    last = known.tried_at if known.error is not None else known.published_at
    # A last attempt in the future was made before somebody set the clock back.
    is_early = due is not None and last is not None and last <= now < due
    if is_early and not force and (paths.published.exists() or known.error is not None):
        if known != recalled:
            _note(paths, known)
        return Publication("early", due_at=due)
    # Who is killed, or hangs, leaves a word too.
    known = replace(known, tried_at=now)
    _note(paths, known)
    started = clock.monotonic()
    try:
        return _replace(
            paths, gate, known, bytes_per_second=bytes_per_second, now=now, complete=complete
        )
    except StoreError as error:
        took = timedelta(seconds=clock.monotonic() - started)
        again_at = clock.now() + max(_SHORTEST_PAUSE, took * _FAILURE_COSTS)
        _note(paths, replace(known, error=str(error), again_at=again_at))
        raise


def _replace(
    paths: StorePaths,
    gate: Gate,
    known: Publications,
    *,
    bytes_per_second: float,
    now: datetime,
    complete: Callable[[DuckDBPyConnection], None],
) -> Publication:
    """Copy the live file and put the copy in the published one's place."""
    check_is_database(paths.published)
    try:
        remove_stale(paths.published, _PURPOSE)
        remove_stale(paths.publications, _PURPOSE)
        temporary = temporary_beside(paths.published, _PURPOSE)
        copied, live, hold = _copy_live(paths, gate, temporary, try_clone=known.clones)
        try:
            with connected(temporary, called=paths.published) as connection:
                complete(connection)
                with transaction(connection):
                    sign(connection, now)
                    create_macros(connection)
        except StoreError:
            remove_stale(paths.published, _PURPOSE)
            raise
        size = temporary.stat().st_size
        # Left by somebody who opened the published file to write: DuckDB would refuse the new one.
        paths.published_wal.unlink(missing_ok=True)
        settle(temporary, paths.published)
        this = Publications(
            now, copied, clones=copied == 0, live=live, file=identity(paths.published), tried_at=now
        )
        _write(paths.publications, this)
    except OSError as error:
        raise from_os(paths.published.parent, error) from error
    return Publication(
        "published",
        bytes=size,
        copied=copied,
        wait_ms=hold.wait_ms,
        hold_ms=hold.hold_ms,
        due_at=this.due_at(bytes_per_second),
    )


def _copy_live(
    paths: StorePaths, gate: Gate, target: Path, *, try_clone: bool
) -> tuple[int, tuple[int, ...], Hold]:
    """Copy the live file, whole; gives the bytes written, its identity, and the pass.

    This process keeps it open meanwhile, so that nobody else writes it. A log is there only when a
    writer was killed; it is worked in first, which needs to write.
    """
    for _ in range(_CHECKPOINTS):
        with gate.copying() as hold:
            if not paths.live.exists():
                raise LiveMissing
            if not paths.wal.exists():
                with connected(paths.live, read_only=True, hold=hold):
                    copied = copy(paths.live, target, try_clone=try_clone)
                live = live_identity(paths)
                break
        with gate.passed(exclusive=True) as hold, connected(paths.live, hold=hold) as connection:
            fetch(connection, "checkpoint")
    else:
        raise StoreError(f"{paths.live}: its log could not be worked in")
    return copied, live, hold


def _note(paths: StorePaths, known: Publications) -> None:
    """Keep what is known; where even that cannot be written, publishing goes on without."""
    try:
        _write(paths.publications, known)
    except OSError as error:
        _LOG.warning("%s could not be written: %s", paths.publications, error)


def _write(path: Path, known: Publications) -> None:
    """Replace the file, so that who reads it sees the old one or the new one."""
    temporary = temporary_beside(path, _PURPOSE)
    try:
        temporary.write_text(known.as_json(), "utf-8")
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise

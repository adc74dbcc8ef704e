"""Whether what is received reaches those who read: the spool, and the published file.

Two rows. `storage/published`: how far the published file is behind the live one, since when and
why; its age counts from the first change that readers lack, so it is 0 as long as they lack none.
`storage/spool`: received rows that no drain brings in. Not here: whether the live file can be
opened (`defs/alerts.py` asks it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from market_assets.clock import as_words
from market_assets.machine_paths import machine_paths
from market_assets.operations.health.statuses import Row, Status
from market_assets.storage.common.apart import apart
from market_assets.storage.opening import standing
from market_assets.streams.registry import spool_folders

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from market_assets.machine_paths import MachinePaths

PUBLISHED: Final = "storage/published"
SPOOL: Final = "storage/spool"
_DRAINED_EVERY_S: Final = 5.0


@dataclass(frozen=True)
class Storage:
    """Which store it is.

    Attributes:
        published: `MARKET_DB`.
        publish_bytes_per_second: what publishing may copy on average.
    """

    published: Path
    publish_bytes_per_second: float


def storage_rows(storage: Storage, now: datetime) -> tuple[Row, Row]:
    """The two rows, from small files and `stat`: no database is opened."""
    return _published_row(storage, now), _spool_row(machine_paths(storage.published))


def _published_row(storage: Storage, now: datetime) -> Row:
    """`failed` while the last attempt did not succeed, `stale` when it is too far behind.

    `missing` before the first publication, when there is something to publish.
    """
    source, _, channel = PUBLISHED.partition("/")
    found = standing(storage.published, bytes_per_second=storage.publish_bytes_per_second, now=now)
    if found is None:
        return Row(source, channel, "ok", 5.0, 300.0, None, None, None)
    behind = found.behind(now)
    why = None
    status: Status = "ok"
    if found.error is not None:
        status, why = "failed", found.error
    elif found.published_at is None:
        status, why = "missing", "nothing has been published yet"
    elif behind > found.window:
        status, why = "stale", "nothing has published it since"
    if why is not None and found.behind_since is not None:
        since = f"{found.behind_since:%Y-%m-%d %H:%M:%S} UTC"
        why = f"{as_words(behind.total_seconds())} behind, since {since}: {why}"
    return Row(
        source=source,
        channel=channel,
        status=status,
        expected_cadence_s=found.interval.total_seconds(),
        stale_after_s=found.window.total_seconds(),
        age_s=None if found.published_at is None else round(behind.total_seconds(), 1),
        rows_written=None,
        last_error=why,
    )


def _spool_row(machine: MachinePaths) -> Row:
    """`failed` while a segment stands apart: its rows are received and in no table."""
    source, _, channel = SPOOL.partition("/")
    found = [one for folder in spool_folders(machine) for one in apart(folder)]
    why = None
    if found:
        one = found[0]
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        why = f"{one.segment.path.name} is {one.kind}: {one.cause}{more}"
    return Row(
        source=source,
        channel=channel,
        status="failed" if found else "ok",
        expected_cadence_s=_DRAINED_EVERY_S,
        stale_after_s=_DRAINED_EVERY_S,
        age_s=None,
        rows_written=None,
        last_error=why,
    )

"""What keeps the database small and its candles whole: roll-ups, retention, compaction.

Called once a minute by the asset `hyperliquid_maintenance` and by `market-assets maintain`. The
arithmetic of a roll-up is `features.candles`; how long rows are kept is said by the tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

from market_assets.features.candles import roll_up
from market_assets.operations.maintenance.retention import delete_old
from market_assets.storage.common.errors import StoreError
from market_assets.tables import HYPERLIQUID_CANDLES, TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime, timedelta

    from market_assets.storage.api import Store
    from market_assets.storage.common.changes import Written
    from market_assets.storage.common.outcomes import Compaction
    from market_assets.storage.common.runs import IngestionRun


@dataclass(frozen=True)
class Upkeep:
    """What one round did.

    Attributes:
        rolled_up: 1-hour candles inserted or changed.
        deleted: rows past their retention, by table; tables that lost none are left out.
        rollup: what was written, or None where no hour was behind.
        freed_bytes: what writing the file anew gave back; 0 where that was not worth it.
        refused: by table, why rows that look old were not deleted: nearly all of them would be.
        archived: rows that are new in the archive, by table.
        dropped: days of the archive that went because it had grown too large, with their bytes.
        compaction_error: why space could not be given back; it is tried again in an hour.
    """

    rolled_up: int
    deleted: Mapping[str, int]
    rollup: Written | None
    freed_bytes: int = 0
    refused: Mapping[str, str] = field(default_factory=dict)
    compaction_error: str | None = None
    archived: Mapping[str, int] = field(default_factory=dict)
    dropped: Sequence[tuple[date, int]] = ()


def keep_up(
    store: Store,
    *,
    retention: Mapping[str, timedelta],
    now: datetime,
    run: IngestionRun | None = None,
    anyway: bool = False,
) -> Upkeep:
    """Roll up the hours that are behind, delete what is past its retention, give back space.

    Args:
        store: the database.
        retention: how long rows are kept, by the name of the table's setting; a setting that is
            not given keeps the table's default.
        now: rows are old by this instant.
        run: the ingestion run that the rolled-up rows are counted in.
        anyway: delete also what is nearly all of a table.
    """
    rolled = roll_up(store.read(_query("minutes_to_roll_up")), "1h", now=now)
    rollup = store.merge(HYPERLIQUID_CANDLES, rolled, run=run) if rolled.height else None
    done = delete_old(store, TABLES, retention=retention, now=now, anyway=anyway)
    compacted, compaction_error = _compact(store)
    return Upkeep(
        rolled_up=0 if rollup is None else rollup.inserted + rollup.updated,
        deleted=done.deleted,
        rollup=rollup,
        freed_bytes=compacted.freed if compacted is not None else 0,
        refused=done.refused,
        compaction_error=compaction_error,
        archived=done.archived,
        dropped=done.dropped,
    )


def _compact(store: Store) -> tuple[Compaction | None, str | None]:
    """Give back space: worth a line in the metadata where it fails, and not the round.

    Blocks that a deletion freed are known to be free a round later.
    """
    try:
        compacted = store.compact()
    except StoreError as error:
        return None, str(error)
    return compacted, compacted.error


def _query(name: str) -> str:
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")

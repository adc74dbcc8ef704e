"""What keeps the database small and its candles whole: roll-ups, retention, compaction.

Called once a minute by the asset `hyperliquid_maintenance` and by `market-assets maintain`. The
arithmetic of a roll-up is `features.candles`; how long rows are kept is said by the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from market_assets.features.candles import roll_up
from market_assets.storage.changes import Delete
from market_assets.tables import HYPERLIQUID_CANDLES, TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from market_assets.storage.runs import IngestionRun
    from market_assets.storage.store import Store, Written


@dataclass(frozen=True)
class Upkeep:
    """What one round did.

    Attributes:
        rolled_up: 1-hour candles inserted or changed.
        deleted: rows past their retention, by table; tables that lost none are left out.
        rollup: what was written, or None where no hour was behind.
        freed_bytes: what writing the file anew gave back; 0 where that was not worth it.
    """

    rolled_up: int
    deleted: Mapping[str, int]
    rollup: Written | None
    freed_bytes: int = 0


def keep_up(
    store: Store,
    *,
    retention: Mapping[str, timedelta],
    now: datetime,
    run: IngestionRun | None = None,
) -> Upkeep:
    """Roll up the hours that are behind, delete what is past its retention, give back space.

    Args:
        store: the database.
        retention: how long rows are kept, by the name of the table's setting; a setting that is
            not given keeps the table's default.
        now: rows are old by this instant.
        run: the ingestion run that the rolled-up rows are counted in.
    """
    rolled = roll_up(store.read(_query("minutes_to_roll_up")), "1h", now=now)
    rollup = store.merge(HYPERLIQUID_CANDLES, rolled, run=run) if rolled.height else None
    deleted = _delete_old(store, retention, now)
    compacted = store.compact()  # blocks freed by a deletion are known to be free a round later
    return Upkeep(
        rolled_up=0 if rollup is None else rollup.inserted + rollup.updated,
        deleted=deleted,
        rollup=rollup,
        freed_bytes=compacted.bytes_before - compacted.bytes_after if compacted.is_done else 0,
    )


def _delete_old(store: Store, retention: Mapping[str, timedelta], now: datetime) -> dict[str, int]:
    """All rules in one transaction: the live file is opened once."""
    deletions = []
    for table in TABLES:
        for rule in table.retention:
            where = f"{table.time_column} < ?"
            params: list[object] = [now - rule.age(retention)]
            if rule.only is not None:
                where += f" and {rule.only[0]} = ?"
                params.append(rule.only[1])
            if rule.once:
                where += f" and {rule.once} is not null"
            deletions.append(Delete(table, where, params))
    deleted: dict[str, int] = {}
    for done in store.write(*deletions):
        if done.deleted:
            deleted[done.table] = deleted.get(done.table, 0) + done.deleted
    return deleted


def _query(name: str) -> str:
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")

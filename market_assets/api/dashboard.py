"""`/ingestion/dashboard`: what the published file holds and how it got there, source by source.

Counts and newest instants are those of the file; its last day is counted back from the minute of
the answer. Whether anything is late is not judged here (`/ingestion/health` does).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from market_assets.api.view import View, sql
from market_assets.channels import CHANNELS
from market_assets.clock import floor
from market_assets.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from market_assets.storage.api import Snapshot

_MINUTE: Final = timedelta(minutes=1)
_SOURCES: Final = {asset: channel.source for channel in CHANNELS for asset in channel.assets}
"""Whose a table is that is an asset of a channel; another one's name begins with its source."""
_NO_GAPS: Final[dict[str, Any]] = {
    "open": 0,
    "oldest_open_from_at": None,
    "healed_24h": 0,
    "healed_rows_24h": 0,
}


def dashboard(view: View, _: Mapping[str, Any]) -> dict[str, Any]:
    """Tables, gaps and the last day's runs of each source."""
    version, minute = view.snapshot.version, floor(view.now, _MINUTE)
    tables = view.snapshot.remember("tables", _tables)
    day = view.snapshot.remember("last day", lambda it: _last_day(it, minute), as_of=minute)
    return {
        "at": view.now,
        "published_at": version.at,
        "age_s": view.age_s(version.at),
        "database_bytes": version.size,
        "sources": [
            {
                "source": source,
                "rows": sum(table["rows"] for table in tables.get(source, ())),
                "tables": [
                    {**table, "age_s": view.age_s(table["newest_at"])}
                    for table in tables.get(source, ())
                ],
                "gaps": day.gaps.get(source, _NO_GAPS),
                "runs": day.runs.get(source, []),
            }
            for source in sorted({*tables, *day.runs, *day.gaps})
        ],
    }


@dataclass(frozen=True)
class _Day:
    """Runs and gaps by source."""

    runs: dict[str, list[dict[str, Any]]]
    gaps: dict[str, dict[str, Any]]


def _tables(snapshot: Snapshot) -> dict[str, list[dict[str, Any]]]:
    """By source, what stays the same for as long as the file is the published one."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for spec in TABLES:
        if spec.name in snapshot.columns:
            times = ", ".join(f'"{name}"' for name in spec.age_columns)
            (row,) = snapshot.rows(
                f'select count(*) as "rows", max(least({times}))::timestamptz as newest_at '  # noqa: S608
                f'from "{spec.name}"'  # names of the program's own tables
            )
            source = _SOURCES.get(spec.name, spec.name.partition("_")[0])
            tables.setdefault(source, []).append({"table": spec.name, **row})
    return tables


def _last_day(snapshot: Snapshot, until: datetime) -> _Day:
    """What the file tells of the day before an instant."""
    params = {"until": until}
    runs: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(snapshot, "ingestion_runs", "run_statistics", params):
        runs.setdefault(row.pop("source"), []).append(row)
    gaps = _rows(snapshot, "ingestion_gaps", "gap_statistics", params)
    return _Day(runs, {row.pop("source"): row for row in gaps})


def _rows(
    snapshot: Snapshot, table: str, query: str, params: Mapping[str, object]
) -> list[dict[str, Any]]:
    return snapshot.rows(sql(query), params) if table in snapshot.columns else []

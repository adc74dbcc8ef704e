"""`/ingestion/dashboard`: what the published file holds and how it got there, source by source.

Counts, newest instants and gaps are as of the publication; whether anything is late is not judged
here (`/ingestion/health` does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from market_assets.api.view import View, sql
from market_assets.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.storage.published import Snapshot

_NO_GAPS: Final[dict[str, Any]] = {
    "open": 0,
    "oldest_open_from_at": None,
    "healed_24h": 0,
    "healed_rows_24h": 0,
}


def dashboard(view: View, _: Mapping[str, Any]) -> dict[str, Any]:
    """Tables, gaps and the last day's runs of each source."""
    version = view.snapshot.version
    found = view.snapshot.remember("dashboard", _sources)
    sources = [
        {
            **one,
            "tables": [
                {**table, "age_s": view.age_s(table["newest_at"])} for table in one["tables"]
            ],
        }
        for one in found
    ]
    return {
        "at": view.now,
        "published_at": version.at,
        "age_s": view.age_s(version.at),
        "database_bytes": version.size,
        "sources": sources,
    }


def _sources(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Everything that stays the same for as long as the file is the published one."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for spec in TABLES:
        if spec.name in snapshot.columns:
            (row,) = snapshot.rows(
                f'select count(*) as "rows", max("{spec.time_column}")::timestamptz as newest_at '  # noqa: S608
                f'from "{spec.name}"'  # names of the program's own tables
            )
            source = spec.name.partition("_")[0]
            tables.setdefault(source, []).append({"table": spec.name, **row})
    until = {"until": snapshot.version.at}
    runs: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(snapshot, "ingestion_runs", "run_statistics", until):
        runs.setdefault(row.pop("source"), []).append(row)
    gaps = {
        row.pop("source"): row for row in _rows(snapshot, "ingestion_gaps", "gap_statistics", until)
    }
    return [
        {
            "source": source,
            "rows": sum(table["rows"] for table in tables.get(source, ())),
            "tables": tables.get(source, []),
            "gaps": gaps.get(source, _NO_GAPS),
            "runs": runs.get(source, []),
        }
        for source in sorted({*tables, *runs, *gaps})
    ]


def _rows(
    snapshot: Snapshot, table: str, query: str, params: Mapping[str, object]
) -> list[dict[str, Any]]:
    return snapshot.rows(sql(query), params) if table in snapshot.columns else []

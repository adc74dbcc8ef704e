"""`docs/tables.md`, made from the table definitions: `python -m market_assets.storage.describe`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from market_assets.storage.common.macros import MACROS
from market_assets.tables import FOR_EVER, TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from market_assets.storage.common.macros import Macro
    from market_assets.tables import Column, TableSpec

_HEAD: Final = """# The tables

What is in the database, table by table. Made by `python -m market_assets.storage.describe` from
`market_assets/tables.py`; a test holds the two together. DuckDB's shell shows the same texts:
`select table_name, comment from duckdb_tables()`.

Every instant is a `TIMESTAMPTZ` in UTC. A value that the venue did not give is `NULL`. A key has
one row: writing it again replaces the row when the new one is newer, and never by an older one.
"""

_MACROS: Final = """## Macros

The published file also has these by name, made anew at each publication. They read live and
archived rows where there is an archive. DuckDB's shell shows the same texts:
`select function_name, comment from duckdb_functions() where not internal`.
"""


def tables_document(tables: Sequence[TableSpec] = TABLES) -> str:
    """The document as Markdown: for each table its grain, key, columns, units and retention.

    At its end are the macros and the view that the published file has beside the tables.
    """
    macros = [_MACROS, *(_macro(macro) for macro in MACROS)]
    return "\n".join([_HEAD, *(_section(spec) for spec in tables), *macros])


def _macro(macro: Macro) -> str:
    kind = "view" if macro.kind == "view" else macro.kind.replace("macro table", "table macro")
    return f"### {macro.signature}\n\nA {kind}. {macro.doc}\n\n```sql\n{macro.example};\n```\n"


def _section(spec: TableSpec) -> str:
    lines = [
        f"## {spec.name}",
        "",
        spec.grain[:1].upper() + spec.grain[1:] + ".",
        "",
        f"- Key: {_names(spec.key)}. Time: {_names((spec.time_column,))}.",
        f"- {_version(spec)}",
        f"- {_retention(spec)}",
        "",
        "| column | type | unit | may be NULL | meaning |",
        "|---|---|---|---|---|",
        *(_row(column, spec) for column in spec.columns),
        "",
    ]
    return "\n".join(lines)


def _version(spec: TableSpec) -> str:
    kept = f" {_names(spec.set_once)} keeps its first value." if spec.set_once else ""
    moved = f" `{spec.changed_at}` moves only when the content does." if spec.changed_at else ""
    if spec.derived:
        counts = "".join(f" no smaller `{name}`," for name in spec.derived.counts)
        return (
            "A stored row is replaced only by a fuller one:"
            f"{counts} no value that turns NULL, and something that is more.{kept}{moved}"
        )
    if not spec.version:
        return f"Of two rows with one key, the later write stays.{kept}{moved}"
    order = "the greater " + ", then ".join(f"`{name}`" for name in spec.version)
    return f"Of two rows with one key, the one with {order} stays.{kept}{moved}"


def _retention(spec: TableSpec) -> str:
    if not spec.retention:
        return "Rows are kept."
    rules = []
    for rule in spec.retention:
        only = f" where `{rule.only[0]}` is `{rule.only[1]}`" if rule.only else ""
        unless = f", unless `{rule.unless}`" if rule.unless else ""
        slack = f" and {_duration(rule.slack)}" if rule.slack else ""
        after = f" after `{rule.column}`" if rule.column else ""
        if rule.keep == FOR_EVER:
            rules.append(f"ever, or for `{rule.setting}`{after}{only}{unless}")
        else:
            rules.append(f"{_duration(rule.keep)}{slack}{after}{only}{unless} (`{rule.setting}`)")
    return f"Rows are kept for {'; '.join(rules)}."


def _row(column: Column, spec: TableSpec) -> str:
    null = "no" if column.name in spec.required else "yes"
    return f"| `{column.name}` | {column.type} | {column.unit} | {null} | {column.doc} |"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _duration(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    for size, unit in ((24 * 60, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0 and (minutes > size or unit != "day"):
            count = minutes // size
            return f"{count} {unit}" + ("" if count == 1 else "s")
    return str(length)


if __name__ == "__main__":
    sys.stdout.write(tables_document())

"""Deleting rows past their retention, as far as the clock can be believed.

Rows that are deleted cannot be had again, and a clock that is ahead for a minute makes all of them
old. So age counts from the newest thing that a table knows of, where that is before the present;
and a rule that would take nearly all of a table takes nothing, and says so. A person may overrule.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from market_assets.storage.common.changes import Expired
from market_assets.tables import FOR_EVER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from market_assets.storage.api import Store
    from market_assets.tables import Retention, TableSpec

MOST: Final = 0.9
"""The share of a rule's rows beyond which a round is absurd: in good order it is a minute's."""
FEW: Final = 100
"""Rows below which a share says nothing."""
SLACK: Final = timedelta(hours=1)
"""How old the newest thing may be before age counts from it: sources have their pauses."""
SHORT_H: Final = 24.0
"""Retention in hours below which all rows may go: a night without the stream is as long."""


@dataclass(frozen=True)
class Deletion:
    """What a round of retention did.

    Attributes:
        deleted: rows that are gone, by table; tables that lost none are left out.
        refused: by table, why rows that look old were not deleted.
        archived: rows that are new in the archive, by table.
        dropped: days of the archive that went because it had grown too large, with their bytes.
    """

    deleted: Mapping[str, int]
    refused: Mapping[str, str] = field(default_factory=dict)
    archived: Mapping[str, int] = field(default_factory=dict)
    dropped: Sequence[tuple[date, int]] = ()


def delete_old(
    store: Store,
    tables: Sequence[TableSpec],
    *,
    retention: Mapping[str, timedelta],
    now: datetime,
    anyway: bool = False,
) -> Deletion:
    """Apply every rule of the tables; what goes is in the archive first.

    Args:
        store: the database.
        tables: whose rules.
        retention: how long rows are kept, by setting; without one, the table's default.
        now: rows are old by this instant.
        anyway: delete also what is nearly all of a table.
    """
    rules = [
        (table, rule, age)
        for table in tables
        for rule in table.retention
        if (age := rule.age(retention)) < FOR_EVER
    ]
    counts = store.read_together(
        {
            str(number): _count(table, rule, now, age)
            for number, (table, rule, age) in enumerate(rules)
        }
    )
    expired: list[Expired] = []
    refused: dict[str, str] = {}
    for number, (table, rule, age) in enumerate(rules):
        [(before, rows, old)] = counts[str(number)].rows()
        is_long = age.total_seconds() >= SHORT_H * 3600
        if is_long and rows >= FEW and old > MOST * rows and not anyway:
            refused[table.name] = (
                f"{old:,} of {rows:,} rows of {table.name} would be deleted at once: is the clock "
                f"right? It says {now:%Y-%m-%d %H:%M} UTC"
            )
        elif before is not None:
            # Also where nothing is old: a day of the archive may be over.
            expired.append(Expired(table, _past(table, rule, "?"), [before], before, old))
    done = store.retire(*expired)
    return Deletion(done.deleted, refused, done.archived, done.dropped)


def _count(
    table: TableSpec, rule: Retention, now: datetime, age: timedelta
) -> tuple[str, dict[str, object]]:
    """The instant before which rows are old, the rows that the rule is about, and the old ones."""
    column = rule.column or table.time_column
    newest = f'max("{column}")'
    if "ingested_at" in table.column_names and column != "ingested_at":
        newest = f"greatest({newest}, max(ingested_at))"
    before = "($now - $age)"
    params: dict[str, object] = {"now": now, "age": age}
    if rule.by_newest:
        before = f"(select least($now, {newest} + $slack) - $age from {table.name})"  # noqa: S608 - names of the spec
        params["slack"] = SLACK
    sql = (
        f"select {before}, count(*) filter ({_about(rule)}), "  # noqa: S608 - names of the spec
        f"count(*) filter ({_past(table, rule, before)}) from {table.name}"
    )
    return sql, params


def _about(rule: Retention) -> str:
    """Which rows the rule is about; texts are the spec's own."""
    about = "true" if rule.only is None else f"{rule.only[0]} = '{rule.only[1]}'"
    return f"{about} and not ({rule.unless})" if rule.unless else about


def _past(table: TableSpec, rule: Retention, before: str) -> str:
    return f'{_about(rule)} and "{rule.column or table.time_column}" < {before}'

"""What a rule is: a query for the rows that break it. It holds where the query finds nothing.

Two kinds hold for every table and are made from its `TableSpec`; others are files in `sql/`, named
as the rule. Which rules there are is said by each source's module, and by `rules.py` for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING

from market_assets.clock import as_words

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from market_assets.storage.api import Store
    from market_assets.tables import TableSpec


@dataclass(frozen=True)
class Rule:
    """What holds of a table.

    Attributes:
        name: what holds, in words: `keys_are_unique`.
        table: the table it is about.
        sql: finds the rows that break it; may use `$now`.
        description: the sentence that people read.
        is_error: breaking it means that rows are wrong; otherwise it is worth a look.
        reads_whole_table: it costs the more, the more rows there are.
    """

    name: str
    table: TableSpec
    sql: str
    description: str
    is_error: bool = True
    reads_whole_table: bool = False


@dataclass(frozen=True)
class Judged:
    """What a rule found.

    Attributes:
        broken: the rows that break it; empty where it holds.
        as_of: the instant as of which they were judged; later rows are judged the next time.
    """

    broken: pl.DataFrame
    as_of: datetime


def judged(store: Store, rule: Rule, now: datetime) -> Judged:
    """What the rule finds; one that reads a whole table does not hold a large live file for it."""
    params = {"now": now} if "$now" in rule.sql else {}
    if rule.reads_whole_table:
        return Judged(*store.read_whole(rule.sql, params))
    return Judged(store.read(rule.sql, params), now)


def broken_by(store: Store, rule: Rule, now: datetime) -> pl.DataFrame:
    """The rows that break the rule; empty where it holds."""
    return judged(store, rule, now).broken


def keys_are_unique(table: TableSpec) -> Rule:
    """No two rows with one key: tables have no primary key, so this stands guard."""
    key = ", ".join(table.key)
    return Rule(
        "keys_are_unique",
        table,
        f"select {key}, count(*) as rows from {table.name} group by {key} having count(*) > 1",  # noqa: S608 - names of the spec
        f"No two rows have the same {key}.",
        reads_whole_table=True,
    )


def no_future_times(table: TableSpec) -> Rule:
    """No row speaks for an instant that is still to come; a minute of skewed clocks is let pass.

    A row of an hour that is still running speaks for its end (`Derived.ahead`).
    """
    key = ", ".join(dict.fromkeys((*table.key, table.time_column)))
    ahead = table.derived.ahead if table.derived else timedelta(0)
    latest = f"$now + interval '{(ahead + timedelta(minutes=1)) // timedelta(minutes=1)} minutes'"
    return Rule(
        "no_future_times",
        table,
        f"select {key} from {table.name} where {table.time_column} > {latest}",  # noqa: S608 - names of the spec
        f"No {table.time_column} lies more than {as_words(ahead.total_seconds() + 60)} ahead of the"
        " clock.",
        reads_whole_table=True,
    )


def data_were_known(table: TableSpec) -> Rule:
    """No row of an hour holds what was read after it: who joins by the hour would look ahead."""
    key = ", ".join(table.key)
    return Rule(
        "data_were_known",
        table,
        f"select {key}, ingested_at from {table.name} where ingested_at > {table.time_column}",  # noqa: S608 - names of the spec
        f"Everything in a row was read by its {table.time_column}.",
        reads_whole_table=True,
    )


def from_file(name: str, table: TableSpec, description: str, *, is_error: bool = True) -> Rule:
    """The rule whose query is `sql/<name>.sql`."""
    sql = resources.files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")
    return Rule(name, table, sql, description, is_error)


def rules_of_every_table(*tables: TableSpec) -> tuple[Rule, ...]:
    """The rules that hold for any table, for these."""
    return tuple(make(table) for table in tables for make in (keys_are_unique, no_future_times))

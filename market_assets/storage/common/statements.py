"""The SQL of a change, made from the table's definition: which rows win, and what they take over.

Every statement reads the rows that come in from the registered frame `source`, which is unique by
key. Identifiers are the definition's; no value is ever part of the text. How the statements work
together is `merge.py`.

Instants of a version, of `changed_at` and of `set_once` are of the project's own clock. A stored
one that is later than `$limit`, a moment after the present, was made by a clock that was ahead: it
loses against any that is not.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from market_assets.tables import TableSpec


@cache
def find(spec: TableSpec) -> str:
    """How many stored rows have a key of the source, and where the first and the last one lie."""
    source = f'"{spec.name}" t join source s on {_same_key(spec)}'
    return f"select count(*), min(t.rowid), max(t.rowid) from {source}"  # noqa: S608 - see the module


@cache
def insert(spec: TableSpec) -> str:
    """Insert the source as it is; gives the number of rows."""
    columns = _names(spec.column_names)
    return f'insert into "{spec.name}" ({columns}) select {columns} from source'  # noqa: S608 - see the module


@cache
def discard(spec: TableSpec) -> str:
    """Delete the rows of the source that are stored just so; gives the number of rows."""
    rest = [name for name in spec.column_names if name not in spec.key]
    stored, same = (", ".join(f'{of}."{name}"' for name in rest) for of in ("t", "s"))
    equal = f"{_same_key(spec)} and row({stored}) is not distinct from row({same})"
    rows = f'select t.rowid from "{spec.name}" t join source s on {equal}'  # noqa: S608 - see the module
    return f'delete from "{spec.name}" where rowid in ({rows})'  # noqa: S608 - see the module


@cache
def merge(spec: TableSpec) -> str:
    """Insert new keys, overwrite what is older; gives one action per row that was written."""
    return _merge(spec, matched=_wins(spec), rest="")


@cache
def replace(spec: TableSpec) -> str:
    """As `merge`, but a row without a counterpart goes, and one that differs is overwritten."""
    differs = _differs(_compared(spec))
    if spec.changed_at:
        differs = f"{differs} or {_is_ahead(spec.changed_at)}"
    return _merge(spec, matched=differs, rest="\nwhen not matched by source then delete")


@cache
def move(spec: TableSpec) -> tuple[str, str, str, str, str]:
    """As `merge`, by deleting what is older and inserting all winners at the table's end.

    The second of the five statements gives the numbers of rows inserted and overwritten.
    """
    taken = ", ".join(f'{_taken(spec, name)} as "{name}"' for name in spec.column_names)
    columns = _names(spec.column_names)
    joined = f'source s left join "{spec.name}" t on {_same_key(spec)}'
    winners = f"select {taken}, t.rowid as _stored from {joined}"  # noqa: S608 - see the module
    old = "(select _stored from _winners)"
    return (
        f"create temp table _winners as {winners} where t.rowid is null or ({_wins(spec)})",
        "select count(*) - count(_stored), count(_stored) from _winners",
        f'delete from "{spec.name}" where rowid in {old}',  # noqa: S608 - see the module
        f'insert into "{spec.name}" ({columns}) select {columns} from _winners',  # noqa: S608 - see the module
        "drop table _winners",
    )


@cache
def withdraw(spec: TableSpec, scope: tuple[str, ...], until: str) -> tuple[str, str, str, str]:
    """Delete the stored rows of the registered `scopes` that the source no longer has.

    `scopes` has a column `_has_rows` besides: the source has a row of the scope. The first of the
    four statements takes `few`, `most_removed` and, where there is an `until`, `last`; the second
    gives the number of rows that are kept, and the names of their scopes.
    """
    same_scope = " and ".join(f't."{name}" = c."{name}"' for name in scope)
    names = ", ".join(f't."{name}"' for name in scope)
    inside = f' and t."{until}" <= $last' if until else ""
    stored = (
        f"select t.rowid as _stored, concat_ws('/', {names}) as _scope, c._has_rows, "  # noqa: S608 - see the module
        f's."{spec.key[0]}" is null as _is_gone, '
        f"count(*) filter (_is_gone) over (partition by {names}) as _gone, "
        f"count(*) over (partition by {names}) as _all "
        f'from "{spec.name}" t join scopes c on {same_scope}{inside} '
        f"left join source s on {_same_key(spec)}"
    )
    is_too_much = (
        "$most_removed < 1 and (not _has_rows or (_gone > $few and _gone > $most_removed * _all))"
    )
    gone = f"select _stored, _scope, {is_too_much} as _is_kept from ({stored}) where _is_gone"  # noqa: S608 - see the module
    return (
        f"create temp table _gone as {gone}",
        "select count(*), list(distinct _scope order by _scope) from _gone where _is_kept",
        f'delete from "{spec.name}" where rowid in (select _stored from _gone where not _is_kept)',  # noqa: S608 - see the module
        "drop table _gone",
    )


@cache
def swap(spec: TableSpec, scope: tuple[str, ...]) -> tuple[str, str, str]:
    """Have the registered `scopes` hold exactly the source: what was there goes, whatever it was.

    For tables in which a later write wins. The first of the three statements gives how many rows of
    the source have a stored one of the same key, and how many of these differ; the second how many
    stored rows went; the third how many came.
    """
    joined = f'"{spec.name}" t join source s on {_same_key(spec)}'
    differs = _differs(_compared(spec))
    columns = _names(spec.column_names)
    same_scope = " and ".join(f't."{name}" = c."{name}"' for name in scope)
    return (
        f"select count(*), count(*) filter ({differs}) from {joined}",  # noqa: S608 - see the module
        f'delete from "{spec.name}" t using scopes c where {same_scope}',  # noqa: S608 - see the module
        f'insert into "{spec.name}" ({columns}) select {columns} from source',  # noqa: S608 - see the module
    )


def _merge(spec: TableSpec, *, matched: str, rest: str) -> str:
    assigned = _assigned(spec)
    update = ", ".join(f'"{name}" = {_taken(spec, name)}' for name in assigned)
    overwrite = f"\nwhen matched and ({matched}) then update set {update}" if assigned else ""
    columns = _names(spec.column_names)
    values = ", ".join(f's."{name}"' for name in spec.column_names)
    return (
        f'merge into "{spec.name}" t using source s on ({_same_key(spec)}){overwrite}\n'  # noqa: S608 - see the module
        f"when not matched then insert ({columns}) values ({values}){rest}\n"
        "returning merge_action"
    )


def _same_key(spec: TableSpec) -> str:
    """Both rows have one key. Where a part of it may be NULL, two NULLs are the same."""
    return " and ".join(
        f't."{name}" {"is not distinct from" if name in spec.null_in_key else "="} s."{name}"'
        for name in spec.key
    )


def _wins(spec: TableSpec) -> str:
    """The row `s` of the source is to replace the stored row `t` of the same key.

    Its version is greater; without a version, it differs; of derived rows, it is fuller. Where
    nothing but `changed_at` tells one write from the next, it is newer and differs: the same
    content again leaves the row alone.
    """
    if spec.derived:
        fuller = _fuller(spec.derived.counts, spec.optional)
        if "ingested_at" in spec.column_names:
            return f"({fuller}) or {_is_ahead('ingested_at')}"
        return fuller
    compared = _compared(spec)
    if not spec.version:
        return _differs(compared)
    newer = _newer(spec, spec.version)
    says_only_content = bool(spec.changed_at) and set(compared) <= set(spec.content)
    if says_only_content:
        return f"{newer} and ({_differs(compared)} or {_is_ahead(spec.changed_at)})"
    return newer


def _assigned(spec: TableSpec) -> list[str]:
    """Columns that an overwritten row takes from the source: all but the key and `set_once`.

    Instants that are set once are among them: one from the future is set again.
    """
    kept = {*spec.key, *(name for name in spec.set_once if not _is_instant(spec, name))}
    return [name for name in spec.column_names if name not in kept]


def _compared(spec: TableSpec) -> list[str]:
    """Columns that tell whether two rows of one key are the same."""
    apart = {*spec.key, *spec.set_once, spec.changed_at}
    return [name for name in spec.column_names if name not in apart]


def _taken(spec: TableSpec, name: str) -> str:
    """The value that a column has after the write; `t` is all NULL where the key is new."""
    if name in spec.set_once:
        is_first = "t.rowid is null"
        if _is_instant(spec, name):
            is_first += f" or {_is_ahead(name)}"
        return f'case when {is_first} then s."{name}" else t."{name}" end'
    if name == spec.changed_at:
        changed = f"t.rowid is null or {_differs(spec.content)} or {_is_ahead(name)}"
        return f'case when {changed} then s."{name}" else t."{name}" end'
    return f's."{name}"'


def _newer(spec: TableSpec, version: tuple[str, ...]) -> str:
    """The source's version is greater, column by column; NULL is less than any value."""
    name, *rest = version
    greater = f's."{name}" > t."{name}" or (t."{name}" is null and s."{name}" is not null)'
    if _is_instant(spec, name):
        greater += f" or {_is_ahead(name)}"
    if not rest:
        return f"({greater})"
    same = f's."{name}" is not distinct from t."{name}"'
    return f"({greater} or ({same} and {_newer(spec, tuple(rest))}))"


def _is_ahead(name: str) -> str:
    """The stored instant is from the future, and the source's is not."""
    return f'(t."{name}" > $limit and s."{name}" <= $limit)'


def _is_instant(spec: TableSpec, name: str) -> bool:
    return any(column.name == name and column.type == "TIMESTAMPTZ" for column in spec.columns)


def _fuller(counts: Iterable[str], optional: Iterable[str]) -> str:
    """Nothing of the row `s` is less than of `t`, and something is more."""
    nothing_less = [f's."{name}" >= t."{name}"' for name in counts]
    more = [f's."{name}" > t."{name}"' for name in counts]
    for name in optional:
        nothing_less.append(f'(s."{name}" is not null or t."{name}" is null)')
        more.append(f'(s."{name}" is not null and t."{name}" is null)')
    return f"{' and '.join(nothing_less)} and ({' or '.join(more)})" if more else "false"


def _differs(names: Iterable[str]) -> str:
    """One of the columns is not the same; of no columns, none is."""
    each = [f's."{name}" is distinct from t."{name}"' for name in names]
    return f"({' or '.join(each)})" if each else "false"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)

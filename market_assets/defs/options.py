"""What every asset states in the same way: its policy, group, owner, schema; and its result."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import dagster as dg

from market_assets.channels import BACKFILLS, channel_of
from market_assets.tables import FOR_EVER, TABLES, TableSpec
from market_assets.tables import table as table_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from market_assets.sources.traffic import TransportStats
    from market_assets.storage.api import Store
    from market_assets.storage.common.changes import Written
    from market_assets.streams.core.options import Report


class Client(Protocol):
    """A venue's client, which counts what it asks for."""

    def stats(self) -> TransportStats: ...


OWNER: Final = "team:market-data"
SLOT: Final = {"market_assets/slot": "scheduled"}
"""The tag of jobs that a schedule starts: `dagster.yaml` keeps them from taking every slot."""


class SnapshotConfig(dg.Config):
    """What a materialization of a venue's whole list does.

    Attributes:
        believe: delete whatever the list lacks, however much it is.
    """

    believe: bool = False


def asset_options(
    name: str, *, kinds: set[str], pool: str | None = None, group: str | None = None
) -> dict[str, Any]:
    """The arguments of `@dg.asset` that follow from the asset's channel and table.

    Args:
        name: the asset key; where a table has that name, its columns become the UI's schema.
        kinds: what the UI draws on the asset's card.
        pool: the venue that one run at a time may speak to.
        group: where the UI shows it; by default with its source.
    """
    return {
        "name": name,
        "pool": pool,
        **_traits(name, kinds=kinds, group=group),
    }


def backfill_options(name: str, *, kinds: set[str], pool: str) -> dict[str, Any]:
    """The arguments of `@dg.asset` for an asset of `channels.BACKFILLS`.

    It has no cadence and is never stale. A whole backfill is one run, so that it takes one of the
    slots for runs and asks its venue for one partition after the other.

    Args:
        name: the asset key.
        kinds: what the UI draws on the asset's card.
        pool: the venue that one run at a time may speak to.
    """
    (backfill,) = (one for one in BACKFILLS if one.asset == name)
    return {
        "name": name,
        "pool": pool,
        "backfill_policy": dg.BackfillPolicy.single_run(),
        "group_name": backfill.source,
        "kinds": kinds,
        "owners": [OWNER],
        "metadata": _table_metadata(table_named(backfill.table)),
    }


def asset_spec(
    name: str, *, kinds: set[str], description: str, group: str | None = None
) -> dg.AssetSpec:
    """One of the assets of a `@dg.multi_asset`, which may be materialized without the others.

    Args:
        name: as for `asset_options`; so are `kinds` and `group`.
        kinds: what the UI draws on the asset's card.
        description: its first line says what one row is.
        group: where the UI shows it.
    """
    traits = _traits(name, kinds=kinds, group=group)
    return dg.AssetSpec(name, description=description, skippable=True, **traits)


def _traits(name: str, *, kinds: set[str], group: str | None) -> dict[str, Any]:
    """What an asset states of itself, however it is made."""
    channel = channel_of(name)
    table = next((table for table in TABLES if table.name == name), None)
    return {
        "group_name": group or channel.source,
        "kinds": kinds,
        "owners": [OWNER],
        "freshness_policy": dg.FreshnessPolicy.time_window(fail_window=channel.freshness_window),
        "tags": {"channel": channel.name},
        "metadata": _table_metadata(table) if table is not None else {},
    }


def written_result(
    *written: Written, row_count: int | None = None, **figures: object
) -> dg.MaterializeResult[Any]:
    """The result of an asset that wrote rows; the arguments are those of `written_metadata`."""
    return dg.MaterializeResult(metadata=written_metadata(*written, row_count=row_count, **figures))


def written_metadata(
    *written: Written, row_count: int | None = None, **figures: object
) -> dict[str, Any]:
    """What an asset tells of the rows it wrote; figures are drawn as plots over time by the UI.

    Args:
        written: what the store did, for one table or several.
        row_count: rows that the table holds now.
        figures: more metadata; None is left out.
    """
    metadata: dict[str, Any] = {
        "rows_written": sum(w.inserted + w.updated for w in written),
        "rows_offered": sum(w.rows for w in written),
        "lock_wait_ms": round(sum(w.lock_wait_ms for w in written), 1),
        "lock_hold_ms": round(sum(w.lock_hold_ms for w in written), 1),
        "dagster/row_count": row_count,
        **figures,
    }
    firsts = [w.event_from_at for w in written if w.event_from_at is not None]
    lasts = [w.event_to_at for w in written if w.event_to_at is not None]
    if firsts and lasts:
        metadata["first_event_at"] = min(firsts).isoformat()
        metadata["last_event_at"] = max(lasts).isoformat()
    return {name: value for name, value in metadata.items() if value is not None}


def requests_made(*clients: Client) -> dict[str, int]:
    """What clients of a venue have asked for in this run: requests, and what did not go well."""
    stats = [client.stats() for client in clients]
    return {
        "requests": sum(one.requests for one in stats),
        "retries": sum(one.retries for one in stats),
        "answers_429": sum(one.by_status.get("429", 0) for one in stats),
    }


def preview(frame: pl.DataFrame, columns: Sequence[str], rows: int = 8) -> dg.MetadataValue[Any]:
    """The first rows of a frame as a table for the UI; floats with six significant figures."""
    return dg.MetadataValue.md(as_markdown(frame.select(columns).head(rows)))


def as_markdown(frame: pl.DataFrame) -> str:
    """A frame as a Markdown table."""
    head = "|".join(frame.columns)
    rows = ["|".join(_cell(value) for value in row) for row in frame.iter_rows()]
    return "\n".join([head, "|".join("-" for _ in frame.columns), *rows])


def some(named: Mapping[str, str], most: int = 20) -> dict[str, str] | None:
    """The first entries for the UI, and how many more there are; None if there are none."""
    if not named:
        return None
    shown = dict(list(named.items())[:most])
    if len(named) > most:
        shown["…"] = f"and {len(named) - most} more"
    return shown


def count_rows(store: Store, table: TableSpec) -> int:
    """How many rows the table holds now."""
    return int(store.read(f"select count(*) as n from {table.name}")["n"].item())  # noqa: S608 - a table's own name


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value).replace("|", "\\|")


def report_metadata(report: Report) -> dict[str, Any]:
    """What the stream reports of a table, as the UI draws it: plain numbers over time."""
    times = {"first_event_at": report.event_from_at, "last_event_at": report.event_to_at}
    return {
        "rows_written": report.rows,
        **report.metrics,
        **{name: at.isoformat() for name, at in times.items() if at is not None},
    }


def column_schema(table: TableSpec) -> dg.TableSchema:
    """The table's columns as the UI shows them: type, meaning and unit."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=column.type,
                description=column.doc + (f" Unit: {column.unit}." if column.unit else ""),
                constraints=dg.TableColumnConstraints(
                    nullable=column.name not in table.required,
                    unique=table.key == (column.name,),
                ),
            )
            for column in table.columns
        ]
    )


def with_retention(
    assets: Iterable[dg.AssetsDefinition], kept: Mapping[str, timedelta]
) -> list[dg.AssetsDefinition]:
    """The assets, each with how long its table's rows are kept, as the UI shows it.

    Args:
        assets: what is defined.
        kept: by setting, as `Settings.retention` has it: a setting that is changed is shown.
    """
    shown = {
        table.name: "; ".join(
            (f"{rule.only[1]}: " if rule.only else "") + _in_words(age)
            for rule in table.retention
            if (age := kept[rule.setting]) < FOR_EVER
        )
        or "kept"
        for table in TABLES
    }

    def shows(spec: dg.AssetSpec) -> dg.AssetSpec:
        table = spec.metadata.get("dagster/table_name")
        if table not in shown:
            return spec
        return spec.merge_attributes(metadata={"retention": shown[table]})

    return [one.map_asset_specs(shows) for one in assets]


def _table_metadata(table: TableSpec) -> dict[str, Any]:
    return {
        "dagster/table_name": table.name,
        "dagster/column_schema": column_schema(table),
        "grain": table.grain,
        "key": ", ".join(table.key),
    }


def _in_words(length: timedelta) -> str:
    hours = length / timedelta(hours=1)
    return f"{hours:g} hours" if hours >= 1 else f"{hours * 60:g} minutes"

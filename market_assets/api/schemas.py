"""JSON Schemas of the answers: rows from their `TableSpec`, so that a column is described once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from market_assets.api.latest import BOOK_COLUMNS, CAPITAL, FEATURES, PRICES
from market_assets.tables import (
    HYPERLIQUID_ASSETS,
    POLYMARKET_BOOKS,
    POLYMARKET_IMMEDIATE_MARKETS,
    POLYMARKET_MARKET_ASSET_LINKS,
    POLYMARKET_MARKETS,
    POLYMARKET_SIGNAL_EVENTS,
)
from market_assets.tables.defillama import DEFILLAMA_SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_assets.api.latest import Part
    from market_assets.tables import Column, TableSpec

    Schema = dict[str, Any]

_TYPES: Final[dict[str, dict[str, Any]]] = {
    "TIMESTAMPTZ": {"type": "string", "format": "date-time"},
    "DATE": {"type": "string", "format": "date"},
    "DOUBLE": {"type": "number"},
    "BIGINT": {"type": "integer"},
    "BOOLEAN": {"type": "boolean"},
    "VARCHAR": {"type": "string"},
    "VARCHAR[]": {"type": "array", "items": {"type": ["string", "null"]}},
    "DOUBLE[]": {"type": "array", "items": {"type": ["number", "null"]}},
    "JSON": {"type": "string"},
}

INSTANT: Final = _TYPES["TIMESTAMPTZ"]
NUMBER: Final = _TYPES["DOUBLE"]
INTEGER: Final = _TYPES["BIGINT"]
TEXT: Final = _TYPES["VARCHAR"]
TEXTS: Final[Schema] = {"type": "array", "items": TEXT}
AGE: Final[Schema] = {
    "type": ["number", "null"],
    "description": "Seconds from as_of to the answer; of a row ahead of it, from its reading.",
}
_AS_OF: Final[Schema] = {"as_of": INSTANT, "age_s": {**NUMBER, "description": AGE["description"]}}


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    if "type" in schema and "enum" not in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return {**schema, "type": [*kinds, "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def members(**properties: Schema) -> Schema:
    """An object that always has exactly these members."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def listed(items: Schema) -> Schema:
    """An array."""
    return {"type": "array", "items": items}


def row(spec: TableSpec, *, only: Sequence[str] = (), **more: Schema) -> Schema:
    """A row of a table, every column there and null where it may be.

    Args:
        spec: the table's.
        only: these columns; empty: all.
        more: members besides the columns.
    """
    columns = {c.name: _column(c) for c in spec.columns if not only or c.name in only}
    return members(**{**columns, **more})


def part(spec: TableSpec, *, only: Sequence[str] = (), **more: Schema) -> Schema:
    """A row of a table with `as_of` and `age_s`; the arguments are those of `row`."""
    schema = row(spec, only=only, **more)
    return members(**{**_AS_OF, **schema["properties"], **_AS_OF})


def health() -> Schema:
    """What `Health.as_json` gives; `off` is there where a source is."""
    statuses: Schema = {"type": "string", "enum": ["ok", "running", "stale", "failed", "missing"]}
    schema = members(
        ok={"type": "boolean"},
        rows=listed(
            members(
                source=TEXT,
                channel=TEXT,
                status=statuses,
                expectedCadenceSec=NUMBER,
                staleAfterSec=NUMBER,
                ageSec=nullable(NUMBER),
                rowsWritten=nullable(INTEGER),
                lastError=nullable(TEXT),
            )
        ),
    )
    off = listed(members(source=TEXT, variable=TEXT))
    return {**schema, "properties": {**schema["properties"], "off": off}}


def dashboard() -> Schema:
    """What `dashboard.py` answers."""
    of_table = members(table=TEXT, rows=INTEGER, newest_at=nullable(INSTANT), age_s=AGE)
    gaps = members(
        open=INTEGER,
        oldest_open_from_at=nullable(INSTANT),
        healed_24h=INTEGER,
        healed_rows_24h=INTEGER,
    )
    runs = members(
        channel=TEXT,
        ok=INTEGER,
        failed=INTEGER,
        running=INTEGER,
        rows_written=INTEGER,
        duration_ms_p50=nullable(INTEGER),
        duration_ms_p95=nullable(INTEGER),
        last_started_at=INSTANT,
        last_ok_at=nullable(INSTANT),
        last_failed_at=nullable(INSTANT),
        last_error=nullable(TEXT),
    )
    source = members(
        source=TEXT, rows=INTEGER, tables=listed(of_table), gaps=gaps, runs=listed(runs)
    )
    return members(
        at=INSTANT,
        published_at=INSTANT,
        age_s=NUMBER,
        database_bytes=INTEGER,
        sources=listed(source),
    )


def signal() -> Schema:
    """A signal; `detail` is an object here, whose members depend on the kind."""
    return part(POLYMARKET_SIGNAL_EVENTS, detail={"type": "object"})


def latest() -> Schema:
    """What `latest.py` answers."""
    links = row(
        POLYMARKET_MARKET_ASSET_LINKS, only=("symbol", "method", "matched_text", "confidence")
    )
    shown = (
        "condition_id",
        "event_id",
        "slug",
        "question",
        "outcomes",
        "outcome_prices",
        "best_bid",
        "best_ask",
        "last_trade_price",
        "liquidity_usd",
        "volume_usd",
        "volume_24h_usd",
        "end_at",
        "ingested_at",
    )
    return members(
        symbol=TEXT,
        at=INSTANT,
        published_at=INSTANT,
        asset=nullable(part(HYPERLIQUID_ASSETS, categories=TEXTS)),
        **_parts(PRICES),
        features=members(**_parts(FEATURES)),
        prediction_markets=listed(
            part(
                POLYMARKET_MARKETS,
                only=shown,
                **links["properties"],
                price=nullable(part(POLYMARKET_IMMEDIATE_MARKETS)),
                books=listed(part(POLYMARKET_BOOKS, only=BOOK_COLUMNS)),
            )
        ),
        signals=listed(signal()),
        defillama=listed(part(DEFILLAMA_SUBJECTS, only=(), **_parts(CAPITAL))),
    )


def _parts(parts: Sequence[Part]) -> dict[str, Schema]:
    return {one.name: nullable(part(one.table)) for one in parts}


def _column(column: Column) -> Schema:
    unit = f" Unit: {column.unit}." if column.unit else ""
    schema = {**_TYPES[column.type], "description": column.doc + unit}
    return schema if column.required else nullable(schema)

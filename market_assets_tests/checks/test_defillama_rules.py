"""The rules of DefiLlama's tables: each finds what breaks it, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.checks.defillama import DEFILLAMA_RULES, chain_tvl
from market_assets.checks.rules import broken_by, rules
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    DEFILLAMA_CAPITAL_BASE,
    DEFILLAMA_DAILY_HISTORY,
    DEFILLAMA_ECONOMIC_THROUGHPUT,
    DEFILLAMA_SUBJECTS,
    TableSpec,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(
        tmp_path / "market.duckdb",
        tables=[*{rule.table.name: rule.table for rule in DEFILLAMA_RULES}.values()],
    )


def broken(store: FileStore, name: str) -> list[str]:
    """The subjects, or kinds, that break a rule."""
    (rule,) = (one for one in rules() if one.name == name)
    return broken_by(store, rule, NOW).to_series().to_list()


def put(store: FileStore, table: TableSpec, *rows: dict[str, object]) -> None:
    given = {"ingested_at": NOW, "as_of": NOW, "last_day": date(2026, 11, 19)}
    full = [{name: {**given, **row}.get(name) for name in table.column_names} for row in rows]
    store.merge(table, pl.DataFrame(full, schema=table.schema))


def subject(name: str, **more: object) -> dict[str, object]:
    kind, _, slug = name.partition(":")
    given = {"kind": kind, "slug": slug, "name": slug, "is_tracked": True, "is_listed": True}
    return {"subject_id": name, **given, "first_seen_at": EARLIER, **more}


def test_a_list_that_shrinks(store: FileStore) -> None:
    """Three of ten chains gone with the latest refresh; what went long ago does not count."""
    gone = {"is_listed": False, "is_tracked": False}
    put(store, DEFILLAMA_SUBJECTS, *(subject(f"chain:{n}") for n in range(7)))
    put(
        store,
        DEFILLAMA_SUBJECTS,
        subject("protocol:x"),
        subject("protocol:y", **gone, ingested_at=EARLIER),
    )
    put(store, DEFILLAMA_SUBJECTS, subject("chain:7", **gone))
    assert broken(store, "subjects_did_not_shrink") == []
    put(store, DEFILLAMA_SUBJECTS, subject("chain:8", **gone), subject("chain:9", **gone))
    assert broken(store, "subjects_did_not_shrink") == ["chain"]


def test_stocks_below_zero(store: FileStore) -> None:
    """NULL and 0 are none of that."""
    put(
        store,
        DEFILLAMA_CAPITAL_BASE,
        {"subject_id": "chain:a", "tvl_usd": 0.0},
        {"subject_id": "chain:b", "tvl_usd": None, "stablecoin_mcap_usd": -1.0},
        {"subject_id": "chain:c", "tvl_usd": -1.0, "as_of": EARLIER},
    )
    assert broken(store, "stocks_are_not_negative") == ["chain:b"]


def test_a_tracked_subject_without_a_row(store: FileStore) -> None:
    """One that is not tracked needs none; one of an earlier hour is not enough."""
    untracked = subject("chain:c", is_tracked=False)
    put(store, DEFILLAMA_SUBJECTS, subject("chain:a"), subject("chain:b"), untracked)
    put(
        store,
        DEFILLAMA_CAPITAL_BASE,
        {"subject_id": "chain:a"},
        {"subject_id": "chain:b", "as_of": EARLIER},
    )
    assert broken(store, "tracked_subjects_have_a_row") == ["chain:b"]


def test_windows_out_of_order(store: FileStore) -> None:
    """A day above its week; a missing window breaks nothing, nor does rounding."""
    put(
        store,
        DEFILLAMA_ECONOMIC_THROUGHPUT,
        {"subject_id": "chain:a", "fees_24h_usd": 5.0, "fees_7d_usd": 4.5, "fees_30d_usd": None},
        {"subject_id": "chain:b", "fees_24h_usd": 50.0, "fees_7d_usd": 40.0},
        {"subject_id": "chain:c", "dex_volume_7d_usd": 9e9, "dex_volume_30d_usd": 1e9},
        {"subject_id": "chain:d", "revenue_24h_usd": 5.0, "revenue_7d_usd": -40.0},
    )
    assert broken(store, "windows_are_in_order") == ["chain:b", "chain:c"]


def test_a_running_day_in_the_history(store: FileStore) -> None:
    """A day that was stored in its own course; midnight after it is soon enough."""
    days = {"metric": "tvl", "value_usd": 1.0}
    put(
        store,
        DEFILLAMA_DAILY_HISTORY,
        {"subject_id": "chain:a", "day": date(2026, 11, 20), **days},
        {"subject_id": "chain:b", "day": date(2026, 11, 19), **days},
        {
            "subject_id": "chain:c",
            "day": date(2026, 11, 19),
            "ingested_at": datetime(2026, 11, 20, tzinfo=UTC),
            **days,
        },
    )
    assert broken(store, "history_has_no_running_day") == ["chain:a"]


def test_chains_beside_their_protocols(store: FileStore) -> None:
    """The ratio of each; odd is what counting twice does not explain, on chains that matter."""
    put(
        store,
        DEFILLAMA_CAPITAL_BASE,
        {"subject_id": "chain:fine", "tvl_usd": 50e6, "protocols_tvl_usd": 75e6},
        {"subject_id": "chain:low", "tvl_usd": 50e6, "protocols_tvl_usd": 5e6},
        {"subject_id": "chain:high", "tvl_usd": 60e6, "protocols_tvl_usd": 900e6},
        {"subject_id": "chain:small", "tvl_usd": 1e6, "protocols_tvl_usd": 9e6},
        {"subject_id": "chain:unknown", "tvl_usd": 50e6, "protocols_tvl_usd": None},
        {"subject_id": "chain:empty", "tvl_usd": 0.0, "protocols_tvl_usd": 5.0},
        {"subject_id": "protocol:x", "tvl_usd": 5.0},
    )
    found = chain_tvl(store)
    assert found.select("subject_id", "ratio", "is_odd").rows() == [
        ("chain:high", 15.0, True),
        ("chain:low", 0.1, True),
        ("chain:fine", 1.5, False),
        ("chain:small", 9.0, False),
    ]

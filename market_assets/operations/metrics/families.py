"""The metrics by name: each function gives the families of one part, from plain values.

Seconds and bytes, as Prometheus has it; `ingestion_duration_ms` is in milliseconds by its name.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, get_args

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from market_assets.clock import parse_rfc3339
from market_assets.operations.health.statuses import Status
from market_assets.operations.metrics.totals import BOUNDS_MS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from prometheus_client import Metric

    from market_assets.operations.health.statuses import Health
    from market_assets.operations.metrics.totals import Series, Totals
    from market_assets.storage.common.spool import SpoolDepth

_CHANNEL: Final = ("source", "channel")


def runs(totals: Mapping[Series, Totals]) -> Iterator[Metric]:
    """Counters of the attempts in `ingestion_runs`."""
    success = CounterMetricFamily(
        "ingestion_success", "Attempts that brought what they were to.", labels=_CHANNEL
    )
    failure = CounterMetricFamily("ingestion_failure", "Attempts that failed.", labels=_CHANNEL)
    rows = CounterMetricFamily(
        "ingestion_rows_written", "Rows inserted or changed.", labels=_CHANNEL
    )
    duration = HistogramMetricFamily(
        "ingestion_duration_ms",
        "How long finished attempts took, in milliseconds.",
        labels=_CHANNEL,
    )
    bounds = [*(str(float(bound)) for bound in BOUNDS_MS), "+Inf"]
    for series, one in sorted(totals.items()):
        success.add_metric(series, one.succeeded)
        failure.add_metric(series, one.failed)
        rows.add_metric(series, one.rows_written)
        buckets = list(zip(bounds, map(float, accumulate(one.timed)), strict=True))
        duration.add_metric(series, buckets, one.duration_ms)
    yield from (success, failure, rows, duration)


def health(found: Health) -> Iterator[Metric]:
    """Status and age of every channel, and of what they all depend on."""
    age = GaugeMetricFamily(
        "ingestion_age_seconds",
        "Since the oldest asset was last brought up to date.",
        labels=_CHANNEL,
    )
    window = GaugeMetricFamily(
        "ingestion_stale_after_seconds", "The age from which on it is stale.", labels=_CHANNEL
    )
    status = GaugeMetricFamily(
        "ingestion_status",
        "1 for the status that it has, 0 for others.",
        labels=(*_CHANNEL, "status"),
    )
    for row in found.rows:
        series = (row.source, row.channel)
        if row.age_s is not None:
            age.add_metric(series, row.age_s)
        window.add_metric(series, row.stale_after_s)
        for one in get_args(Status):
            status.add_metric((*series, one), row.status == one)
    yield from (age, window, status)
    yield GaugeMetricFamily(
        "ingestion_ok", "1 where every channel is ok or running.", value=float(found.ok)
    )


def streams(accounts: Mapping[str, Mapping[str, Any]], now: datetime) -> Iterator[Metric]:
    """What all streams last said of themselves: each family once, with the samples of all of them.

    Args:
        accounts: by source, each a `SessionState` as JSON.
        now: ages count up to this instant.
    """
    found: dict[str, Metric] = {}
    for source, account in accounts.items():
        for family in stream(source, account, now):
            known = found.setdefault(family.name, family)
            if known is not family:
                known.samples += family.samples
    yield from found.values()


def stream(source: str, account: Mapping[str, Any], now: datetime) -> Iterator[Metric]:
    """What a stream's session last said of itself (`stream.json`); its ages go on from there.

    Args:
        source: the venue.
        account: a `SessionState` as JSON.
        now: ages count up to this instant.
    """
    silent_s = max(0.0, (now - parse_rfc3339(str(account["written_at"]))).total_seconds())
    lag = GaugeMetricFamily(
        "stream_lag_seconds", "Age of the newest row on disk.", labels=("source", "table")
    )
    for table, lag_s in account["lag_s"].items():
        lag.add_metric((source, table), float(lag_s) + silent_s)
    yield lag
    locks, subscriptions = account["lock"], account["subscriptions"]
    for name, doc, value in (
        ("stream_account_age_seconds", "Since the session last said how it is.", silent_s),
        ("stream_queue_depth_rows", "Rows in memory, not on disk.", account["waiting_rows"]),
        ("stream_sockets", "Open connections to the venue.", account["sockets"]),
        ("stream_frames_per_second", "Frames received.", account["frames_per_s"]),
        ("stream_reconnects", "Connections lost in this session.", account["reconnects"]),
        (
            "stream_undecodable_frames",
            "Frames not understood, this session.",
            account["undecodable"],
        ),
        ("stream_subscriptions", "Acknowledged.", subscriptions["acknowledged"]),
        ("stream_subscriptions_wanted", "Asked for.", subscriptions["wanted"]),
        ("database_lock_waits", "Times the session waited for the database.", locks["waits"]),
        ("database_lock_wait_seconds", "Waited in all.", locks["wait_ms_total"] / 1e3),
        ("database_lock_wait_max_seconds", "The longest wait.", locks["wait_ms_max"] / 1e3),
        ("database_lock_hold_seconds", "Held in all.", locks["hold_ms_total"] / 1e3),
    ):
        gauge = GaugeMetricFamily(name, doc, labels=("source",))
        gauge.add_metric((source,), float(value))
        yield gauge
    proven = account["clock"].get("proven_share")
    if proven is not None:
        gauge = GaugeMetricFamily(
            "stream_proven_share",
            "Of the books that could be judged, those with the venue's hash, this session.",
            labels=("source",),
        )
        gauge.add_metric((source,), float(proven))
        yield gauge


def spool(depth: SpoolDepth) -> Iterator[Metric]:
    """What is received and not yet in the database."""
    for name, doc, value in (
        ("spool_bytes", "What waits on disk.", depth.bytes),
        ("spool_segments", "Files that wait.", depth.segments),
        ("spool_oldest_age_seconds", "How long the first one has waited.", depth.oldest_age_s),
        ("spool_set_aside", "Files that cannot be read, for somebody to see.", depth.set_aside),
        ("spool_left", "Files that wait for a version that knows their columns.", depth.left),
    ):
        yield GaugeMetricFamily(name, doc, value=value)


def files(databases: Mapping[str, Path], now: datetime) -> Iterator[Metric]:
    """Sizes of the databases, by `stat`; one that is not there has no size."""
    size = GaugeMetricFamily("database_bytes", "Size of the file.", labels=("file",))
    age = GaugeMetricFamily(
        "database_published_age_seconds", "Since the published file was written."
    )
    for name, path in databases.items():
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        size.add_metric((name,), found.st_size)
        if name == "published":
            age.add_metric((), max(0.0, now.timestamp() - found.st_mtime))
    yield from (size, age)


def readable(parts: Mapping[str, bool]) -> Iterator[Metric]:
    """Whether each part could be told: one that could not has none of its metrics above."""
    gauge = GaugeMetricFamily(
        "metrics_part_readable", "1 where this part of the metrics could be told.", labels=("part",)
    )
    for name, is_readable in parts.items():
        gauge.add_metric((name,), float(is_readable))
    yield gauge

"""Counters from a table whose old rows are deleted: they must not go down, and survive a restart.

A counter of Prometheus only grows; where it is seen to fall, the whole new value is taken for an
increase. `ingestion_runs` is pruned after days, so its counts alone would fall every hour. Hence an
instant divides the runs: those that began before it are counted once and kept in a small file
beside the database, those since are counted anew from the table each time. It moves on long before
what it leaves behind is pruned. No `_created` is told: the counters are older than the process.

The file says nothing that the table did not: where it is lost, or the clock was set back behind the
instant in it, counting begins again with what the table holds.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from market_assets.channels import CHANNELS
from market_assets.clock import parse_rfc3339
from market_assets.streams.core.state import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from market_assets.clock import Clock
    from market_assets.storage.api import Snapshot

_LOG = logging.getLogger(__name__)

BOUNDS_MS: Final = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000)
"""Upper bounds of the buckets of a duration: a decode to a long backfill."""
OTHER: Final = ("other", "other")
"""Where runs of channels go that the program does not know: labels come from it, not from rows."""
SETTLED: Final = timedelta(minutes=2)
"""A minute of a stream that has not moved for this long has ended; flushes are a minute apart at
the most."""
_STEP: Final = timedelta(hours=1)
_MOST_KEPT: Final = timedelta(days=2)
_AHEAD: Final = timedelta(minutes=5)

Series = tuple[str, str]


@dataclass(frozen=True)
class Totals:
    """The finished attempts of one source and channel.

    Attributes:
        succeeded: those that are `ok`.
        failed: those that are `failed`.
        rows_written: rows inserted or changed by them.
        timed: how many of them took how long: one number per bucket, of durations up to its bound
            in `BOUNDS_MS` and above the one before; the last one is of longer ones.
        duration_ms: the sum of those durations.
    """

    succeeded: int = 0
    failed: int = 0
    rows_written: int = 0
    timed: tuple[int, ...] = field(default=(0,) * (len(BOUNDS_MS) + 1))
    duration_ms: int = 0

    def plus(self, other: Totals) -> Totals:
        """Both together."""
        return Totals(
            self.succeeded + other.succeeded,
            self.failed + other.failed,
            self.rows_written + other.rows_written,
            tuple(a + b for a, b in zip(self.timed, other.timed, strict=True)),
            self.duration_ms + other.duration_ms,
        )

    def no_less_than(self, before: Totals) -> Totals:
        """The greater of each number: what was `ok` for a while and then failed stays counted."""
        return Totals(
            max(self.succeeded, before.succeeded),
            max(self.failed, before.failed),
            max(self.rows_written, before.rows_written),
            tuple(max(a, b) for a, b in zip(self.timed, before.timed, strict=True)),
            max(self.duration_ms, before.duration_ms),
        )


@dataclass(frozen=True)
class _Counted:
    """What is counted for good: the runs that began before `until`; None: none yet."""

    until: datetime | None = None
    totals: Mapping[Series, Totals] = field(default_factory=dict)


class RunTotals:
    """The totals of every channel, for one process that serves them."""

    def __init__(
        self, file: Path, *, keep: timedelta, clock: Clock, off: Collection[str] = ()
    ) -> None:
        """Nothing is read before the first call.

        Args:
            file: what is counted for good.
            keep: how long `ingestion_runs` keeps its rows.
            clock: tells whether the file is from the future.
            off: sources that are off: counted on, for the day on which they are on again, and not
                shown.
        """
        self._file = file
        self._recount = min(_MOST_KEPT, keep / 2)
        self._clock = clock
        self._off = frozenset(off)
        self._counted: _Counted | None = None
        self._shown: dict[Series, Totals] = {}

    def of(self, snapshot: Snapshot) -> Mapping[Series, Totals]:
        """The totals as of the snapshot, those that were shown before being the least."""
        return snapshot.remember("run totals", self._of)

    def _of(self, snapshot: Snapshot) -> Mapping[Series, Totals]:
        totals = {(channel.source, channel.name): Totals() for channel in CHANNELS}
        if "ingestion_runs" in snapshot.columns:
            counted = self._moved_on(snapshot)
            since = _count(snapshot, since=counted.until, until=None)
            totals = _sum([totals, counted.totals, since])
        for series, before in self._shown.items():
            totals[series] = totals.get(series, Totals()).no_less_than(before)
        self._shown = dict(totals)
        return {series: one for series, one in totals.items() if series[0] not in self._off}

    def _moved_on(self, snapshot: Snapshot) -> _Counted:
        """What is counted for good, once an hour a little more."""
        counted = self._counted or _read(self._file)
        now = self._clock.now()
        if counted.until is not None and counted.until > now + _AHEAD:
            _LOG.warning("%s is from the future; run totals begin anew", self._file)
            counted = _Counted()
        (row,) = snapshot.rows("select max(started_at) as newest from ingestion_runs")
        if row["newest"] is not None:
            # By the newest run that the file has, so that none is left out that is not in it yet.
            until = min(row["newest"], now) - self._recount
            if counted.until is None or until - counted.until >= _STEP:
                more = _count(snapshot, since=counted.until, until=until)
                counted = _Counted(until, _sum([counted.totals, more]))
                _write(self._file, counted)
        self._counted = counted
        return counted


def _sum(parts: Iterable[Mapping[Series, Totals]]) -> dict[Series, Totals]:
    total: dict[Series, Totals] = {}
    for part in parts:
        for series, totals in part.items():
            total[series] = total.get(series, Totals()).plus(totals)
    return total


def _count(
    snapshot: Snapshot, *, since: datetime | None, until: datetime | None
) -> dict[Series, Totals]:
    """The runs of the table that began in `[since, until)`."""
    rows = snapshot.rows(
        _sql(),
        {
            "bounds_ms": list(BOUNDS_MS),
            "streams": [channel.label for channel in CHANNELS if channel.mode == "stream"],
            "settled_at": snapshot.version.at - SETTLED,
            "since": since,
            "until": until,
        },
    )
    known = {(channel.source, channel.name) for channel in CHANNELS}
    parts: list[dict[Series, Totals]] = []
    for row in rows:
        series = (row["source"], row["channel"])
        timed = [0] * (len(BOUNDS_MS) + 1)
        if row["timed"]:
            timed[row["bucket"]] = row["timed"]
        totals = Totals(
            row["succeeded"], row["failed"], row["rows_written"], tuple(timed), row["duration_ms"]
        )
        parts.append({series if series in known else OTHER: totals})
    return _sum(parts)


def _read(file: Path) -> _Counted:
    said = read_json(file)
    if said is None:
        return _Counted()
    try:
        return _decoded(said)
    except (KeyError, TypeError, ValueError, AttributeError):
        _LOG.warning("%s cannot be read; run totals begin anew", file)
        return _Counted()


def _decoded(said: Mapping[str, Any]) -> _Counted:
    totals = {}
    for label, one in said["totals"].items():
        source, _, channel = label.partition("/")
        timed = tuple(int(number) for number in one["timed"])
        if len(timed) != len(BOUNDS_MS) + 1:
            raise ValueError(f"{len(timed)} buckets")
        totals[source, channel] = Totals(
            int(one["succeeded"]),
            int(one["failed"]),
            int(one["rows_written"]),
            timed,
            int(one["duration_ms"]),
        )
    return _Counted(parse_rfc3339(said["until"]), totals)


def _write(file: Path, counted: _Counted) -> None:
    """Keep it; where that fails (it is logged), this process still knows."""
    write_json(
        file,
        {
            "until": counted.until,
            "totals": {
                f"{source}/{channel}": {
                    "succeeded": totals.succeeded,
                    "failed": totals.failed,
                    "rows_written": totals.rows_written,
                    "timed": totals.timed,
                    "duration_ms": totals.duration_ms,
                }
                for (source, channel), totals in counted.totals.items()
            },
        },
    )


@cache
def _sql() -> str:
    return (resources.files(__package__) / "sql" / "run_totals.sql").read_text("utf-8")

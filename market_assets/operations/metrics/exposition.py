"""`/metrics`: all families, collected when somebody asks, in the format that he asks for.

Each part is told or left out on its own: a damaged Dagster instance does not hide the spool, nor a
missing database the health. What was left out shows in `metrics_part_readable`.
"""

from __future__ import annotations

import logging
from functools import reduce
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from market_assets.machine_paths import machine_paths
from market_assets.operations.metrics import families
from market_assets.storage.common.spool import Spool, SpoolDepth
from market_assets.storage.opening import database_files
from market_assets.streams.core.state import STATE_FILE, read_json
from market_assets.streams.registry import STREAMS, spool_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from prometheus_client import Metric

    from market_assets.clock import Clock
    from market_assets.operations.health.statuses import Health
    from market_assets.operations.metrics.totals import RunTotals
    from market_assets.storage.api import Snapshots

_LOG = logging.getLogger(__name__)


class Metrics(Collector):
    """The metrics of one installation, in a registry of their own."""

    def __init__(
        self,
        *,
        published: Snapshots,
        market_db: Path,
        totals: RunTotals,
        health: Callable[[], Health],
        clock: Clock,
        off: Collection[str] = (),
    ) -> None:
        """Nothing is read before somebody asks.

        Args:
            published: the database.
            market_db: where it is, and beside it the machine's other files.
            totals: counts its runs.
            health: how the system is.
            clock: ages count up to its time.
            off: sources whose stream is off: what it last said is not told.
        """
        self._published = published
        self._market_db = market_db
        self._machine = machine_paths(market_db)
        self._totals = totals
        self._health = health
        self._clock = clock
        self._places = {
            one.name: self._machine.stream(one.name) for one in STREAMS if one.name not in off
        }
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their media type.

        Args:
            accept: the header of that name; OpenMetrics where it asks for it.
        """
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are known when they are collected, and nobody else is in the registry."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families; the last one says which parts could be told."""
        readable: dict[str, bool] = {}
        for name, part in (
            ("runs", self._runs),
            ("health", lambda: families.health(self._health())),
            *([("stream", self._streams)] if self._places else []),
            ("spool", lambda: families.spool(self._depth())),
            ("files", self._files),
        ):
            try:
                found = list(part())
            except Exception as error:  # noqa: BLE001 - told as such; the other parts go on
                reason = " ".join(str(error).split())
                _LOG.warning("no metrics of %s: %s: %s", name, type(error).__name__, reason)
                found = []
            readable[name] = bool(found)
            yield from found
        yield from families.readable(readable)

    def _runs(self) -> Iterator[Metric]:
        with self._published.snapshot() as snapshot:
            yield from families.runs(self._totals.of(snapshot))

    def _streams(self) -> Iterator[Metric]:
        found = {name: read_json(own.folder / STATE_FILE) for name, own in self._places.items()}
        accounts = {name: account for name, account in found.items() if account is not None}
        yield from families.streams(accounts, self._clock.now())

    def _depth(self) -> SpoolDepth:
        """What waits in the spools of all streams."""
        folders = spool_folders(self._machine)
        spools = [Spool(folder, limit_bytes=0, clock=self._clock) for folder in folders]
        return reduce(SpoolDepth.plus, (spool.depth() for spool in spools))

    def _files(self) -> Iterator[Metric]:
        yield from families.files(database_files(self._market_db), self._clock.now())

"""What backfills have in common: how far a partition is, and that it is done."""

from typing import Final

import dagster as dg

from market_assets.clock import SystemClock
from market_assets.defs.options import written_metadata
from market_assets.storage.common.changes import Written

_LOG_EVERY_S: Final = 15.0


class Progress:
    """Says in the run's log how far a partition has come, every quarter of a minute."""

    def __init__(self, context: dg.AssetExecutionContext, partition: str) -> None:
        self._log = context.log
        self._partition = partition
        self._clock = SystemClock()
        self._said_at = self._clock.monotonic()

    def __call__(self, read: object) -> None:
        if self._clock.monotonic() - self._said_at >= _LOG_EVERY_S:
            self.last(read)

    def last(self, read: object) -> None:
        """Say it now."""
        self._said_at = self._clock.monotonic()
        self._log.info("%s: %s", self._partition, read)


def materialized(
    context: dg.AssetExecutionContext, key: str, *written: Written, **figures: object
) -> None:
    """One partition of a run that may have many is done, whatever becomes of the others."""
    metadata = written_metadata(*written, row_count=None, **figures)
    context.add_asset_metadata(metadata, partition_key=key)
    if len(context.partition_keys) > 1:
        context.log_event(
            dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata)
        )

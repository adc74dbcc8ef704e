"""What a step that writes is given and leaves behind: the store, its row of `ingestion_runs`."""

import dagster as dg

from market_assets.channels import source_of
from market_assets.clock import SystemClock
from market_assets.storage.runs import IngestionRun
from market_assets.storage.store import Store

Market = dg.ResourceParam[Store]
"""The market database."""


def ingestion_run(
    context: dg.AssetExecutionContext,
    channel: str,
    *,
    asset: str | None = None,
    table: str | None = None,
) -> IngestionRun:
    """The row of `ingestion_runs` that a step's rows are counted in.

    Args:
        context: the step's.
        channel: the channel that the rows belong to.
        asset: which asset of a `@dg.multi_asset`; by default the step's only one.
        table: the table whose rows count; by default the one named as the asset.
    """
    asset = asset or context.asset_key.to_user_string()
    return IngestionRun(
        source=source_of(asset),
        channel=channel,
        asset_key=table or asset,
        started_at=SystemClock().now(),
        dagster_run_id=context.run.run_id,
    )

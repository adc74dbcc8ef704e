"""What a step that writes is given and leaves behind: the store, its row of `ingestion_runs`."""

import dagster as dg

from market_assets.channels import source_of
from market_assets.clock import SystemClock
from market_assets.operations.health.left_out import as_metadata, from_metadata
from market_assets.storage.api import Store
from market_assets.storage.common.runs import IngestionRun

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


def parts_left_out(
    context: dg.AssetExecutionContext, run: IngestionRun
) -> dict[str, object] | None:
    """What the run could not bring, for the asset's metadata, where health reads it; None if whole.

    A part that the asset lacked already keeps the instant since when it is lacking.
    """
    if not run.left_out:
        return None
    before = context.instance.get_latest_materialization_event(context.asset_key)
    known = from_metadata(before.asset_materialization if before is not None else None)
    return as_metadata(run.left_out, known, run.started_at)

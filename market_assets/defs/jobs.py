"""One job and one schedule per channel that is due on a cadence, made from `channels.py`.

A run at a time per job: where the last one is still going (a venue that backs off), the tick is
skipped instead of queued, so that nothing piles up behind a slow venue.
"""

from datetime import timedelta
from typing import Final

import dagster as dg
from dagster import RunsFilter

from market_assets.channels import CHANNELS, Channel
from market_assets.health.dagster_state import ACTIVE

SCHEDULED: Final = tuple(channel for channel in CHANNELS if channel.mode == "schedule")


def cron_of(cadence: timedelta, offset_minutes: int = 0) -> str:
    """The cron line of a cadence that divides the hour or the day.

    Raises:
        ValueError: the cadence has no cron line.
    """
    minutes = int(cadence / timedelta(minutes=1))
    if minutes == 1:
        return "* * * * *"
    if minutes < 60 and 60 % minutes == 0:  # noqa: PLR2004 - minutes of an hour
        return f"{offset_minutes % minutes}-59/{minutes} * * * *"
    hours = minutes // 60
    if minutes % 60 == 0 and 24 % hours == 0:
        return f"{offset_minutes % 60} {'*' if hours == 1 else f'*/{hours}'} * * *"
    raise ValueError(f"no cron line for a cadence of {cadence}")


def schedule_of(channel: Channel, offset_minutes: int) -> dg.ScheduleDefinition:
    """A tick per cadence; skipped while the last run is still going."""

    @dg.schedule(
        name=f"{channel.job}_schedule",
        job_name=channel.job,
        cron_schedule=cron_of(channel.cadence, offset_minutes),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Every {channel.cadence}, unless the last run is still going.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        going = context.instance.get_runs(
            RunsFilter(job_name=channel.job, statuses=list(ACTIVE)), limit=1
        )
        if going:
            return dg.SkipReason(f"run {going[0].run_id} is still going")
        return dg.RunRequest()

    return tick


jobs = [
    dg.define_asset_job(
        channel.job,
        selection=dg.AssetSelection.assets(*channel.assets),
        description=f"Refreshes {', '.join(channel.assets)} every {channel.cadence}.",
        tags={"market_assets/channel": channel.label},
    )
    for channel in SCHEDULED
]
schedules = [schedule_of(channel, 7 * (nth + 1)) for nth, channel in enumerate(SCHEDULED)]

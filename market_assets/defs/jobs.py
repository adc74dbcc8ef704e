"""One job and one schedule for each flow that is due on a cadence, made from `channels.py`.

Channels that share a job are materialized together, in one run. A run at a time per job: where the
last one is still going (a venue that backs off), the tick is skipped instead of queued, so that
nothing piles up behind a slow venue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import dagster as dg

from market_assets.channels import CHANNELS, Channel
from market_assets.checks.rules import rules
from market_assets.defs.options import SLOT
from market_assets.operations.health import records
from market_assets.switches import NAMES

SCHEDULED: Final = tuple(channel for channel in CHANNELS if channel.mode == "schedule")
_LONG: Final = frozenset(
    {
        "defillama_capital_refresh",
        "defillama_history_refresh",
        "hyperliquid_funding_rates_refresh",
    }
)
"""Jobs whose runs may take minutes; `dagster.yaml` limits how many go on at once, by their tag."""
OFTEN: Final = timedelta(minutes=5)
"""A job that is due this often leaves the rules that read a whole table to an hourly job, and does
not queue behind the hourly ones."""


@dataclass(frozen=True)
class Flow:
    """A job, and the channels that it brings.

    Attributes:
        job: its name.
        channels: they agree on source, cadence and offset.
    """

    job: str
    channels: tuple[Channel, ...]

    @property
    def source(self) -> str:
        """The venue that it speaks to."""
        return self.channels[0].source

    @property
    def cadence(self) -> timedelta:
        """How often it is due."""
        return self.channels[0].cadence

    @property
    def assets(self) -> tuple[str, ...]:
        """What it materializes."""
        return tuple(asset for channel in self.channels for asset in channel.assets)


def flows_of(channels: Sequence[Channel]) -> tuple[Flow, ...]:
    """The jobs of these channels, in the order of the first channel of each.

    Raises:
        ValueError: channels of one job do not agree on when it is due.
    """
    by_job: dict[str, list[Channel]] = {}
    for channel in channels:
        by_job.setdefault(channel.job, []).append(channel)
    for job, of_the_job in by_job.items():
        if len({(channel.source, channel.cadence, channel.offset) for channel in of_the_job}) > 1:
            raise ValueError(f"the channels of {job} do not agree on when it is due")
    return tuple(Flow(job, tuple(of_the_job)) for job, of_the_job in by_job.items())


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


def selection_of(flow: Flow) -> dg.AssetSelection:
    """The flow's assets and the checks that run with them."""
    selection: dg.AssetSelection = dg.AssetSelection.assets(*flow.assets)
    if flow.cadence > OFTEN:
        return selection
    hourly = [
        dg.AssetCheckKey(dg.AssetKey(rule.table.name), rule.name)
        for rule in rules()
        if rule.reads_whole_table and rule.table.name in flow.assets
    ]
    return selection - dg.AssetSelection.checks(*hourly)


def not_there_yet(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, flow: Flow
) -> list[str]:
    """Assets of other flows that this one is made from and that have never been materialized.

    Before them there is nothing to compute from: a run would fail for no reason. Of a source's flow
    only those of the same source count: one that is down keeps no other waiting.
    """
    graph = repository.asset_graph
    own = {dg.AssetKey(asset) for asset in flow.assets}
    of_the_source = {
        dg.AssetKey(asset)
        for channel in CHANNELS
        if channel.source == flow.source or flow.source not in NAMES
        for asset in channel.assets
    }
    parents = {parent for key in own for parent in graph.get(key).parent_keys} - own
    parents &= of_the_source
    found = records.assets(instance, list(parents))
    there = {
        key
        for key, record in found.records.items()
        if record.asset_entry.last_materialization is not None
    }
    # One whose record is damaged has been materialized, or there would be none.
    return sorted(key.to_user_string() for key in parents - there - found.unreadable.keys())


def schedule_of(flow: Flow) -> dg.ScheduleDefinition:
    """A tick per cadence; skipped while the last run goes on, or with nothing to start from."""
    offset_minutes = int(flow.channels[0].offset / timedelta(minutes=1))

    @dg.schedule(
        name=f"{flow.job}_schedule",
        job_name=flow.job,
        cron_schedule=cron_of(flow.cadence, offset_minutes),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Every {flow.cadence}, unless the last run is still going.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        going = records.active(context.instance, flow.job)
        if going:
            return dg.SkipReason(f"run {going[0].dagster_run.run_id} is still going")
        if context.repository_def is not None:
            waiting = not_there_yet(context.instance, context.repository_def, flow)
            if waiting:
                return dg.SkipReason(f"never materialized: {', '.join(waiting)}")
        return dg.RunRequest()

    return tick


def turn_of(flow: Flow) -> dict[str, str]:
    """The tags that say whose turn it is when runs wait for a slot.

    What is due often goes first: it is stale soon, and short. What fills a table for minutes, at
    the first start, never takes more than half of the slots.
    """
    if flow.cadence <= OFTEN:
        return {"dagster/priority": "1"}
    return {"market_assets/long": "true"} if flow.job in _LONG else {}


FLOWS: Final = flows_of(SCHEDULED)
jobs = [
    dg.define_asset_job(
        flow.job,
        selection=selection_of(flow),
        description=f"Refreshes {', '.join(flow.assets)} every {flow.cadence}.",
        tags={
            "market_assets/channel": " ".join(channel.label for channel in flow.channels),
            **SLOT,
            **turn_of(flow),
        },
    )
    for flow in FLOWS
]
schedules = [schedule_of(flow) for flow in FLOWS]

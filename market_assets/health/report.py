"""The one function that says how the system is: `report`.

The command line (`status`, `check`), the read API, the alerts and the metrics all call it, so that
no two of them can disagree. It gathers rows from `dagster_state.py` (channels, daemon); the rules
are in `statuses.py`. Not here: what is done about it (`alerts/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from market_assets.channels import CHANNELS
from market_assets.health.dagster_state import freshness_windows, health
from market_assets.sidecar.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from dagster import DagsterInstance, RepositoryDefinition

    from market_assets.channels import Channel
    from market_assets.health.statuses import Health


@dataclass(frozen=True)
class Watched:
    """What is expected to be alive, as the definitions state it; worked out once per process.

    Attributes:
        channels: what is reported on.
        windows: how old each asset may be, by its key, from its freshness policy.
    """

    channels: Sequence[Channel]
    windows: Mapping[str, timedelta]


def watched(repository: RepositoryDefinition, channels: Sequence[Channel] = CHANNELS) -> Watched:
    """What these definitions promise: `watched(defs().get_repository_def())`."""
    specs = [spec for assets in repository.asset_graph.assets_defs for spec in assets.specs]
    return Watched(channels, freshness_windows(specs))


def report(
    instance: DagsterInstance, *, watched: Watched, state_dir: Path, now: datetime
) -> Health:
    """How every channel is, and Dagster's daemon.

    Args:
        instance: Dagster's instance.
        watched: what is expected, `watched()` of the definitions.
        state_dir: `Settings.state_dir`: where a stream's locks and its account of itself are.
        now: ages count up to this instant.
    """
    return health(
        instance,
        channels=watched.channels,
        windows=watched.windows,
        streams_alive={"hyperliquid_stream": Lease(state_dir).peek().is_alive},
        now=now,
    )

"""What the definitions are where sources are off: nothing of theirs runs by itself.

Their assets, checks and jobs stay, for whoever materializes by hand. Which sources are on is said
by `Settings.sources`; whose a job or an asset is, by its name.
"""

from collections.abc import Iterable
from typing import Any, Final, TypeVar

import dagster as dg

from market_assets.switches import Switches

STANDS_IN_FOR: Final = {"store_maintenance_run": "hyperliquid_maintenance_run"}
"""Jobs that have a schedule only while that of another one is off."""

_Assets = TypeVar("_Assets")
"""Any kind of asset that a module may define."""


def schedules_on(schedules: Iterable[Any], switches: Switches) -> list[Any]:
    """The schedules, of whatever kind, of sources that are on, and the project's own."""
    return [one for one in schedules if _is_scheduled(one.job_name, switches)]


def sensors_on(
    sensors: Iterable[dg.SensorDefinition], switches: Switches
) -> list[dg.SensorDefinition]:
    """The sensors that start nothing, and those of sources that are on.

    One that starts jobs of several sources starts only those of sources that are on.
    """
    found = []
    for sensor in sensors:
        jobs = sensor.jobs if sensor.targets else []
        wanted = [job for job in jobs if switches.runs_by_itself(job.name)]
        if wanted or not sensor.targets:
            is_whole = len(wanted) == len(sensor.targets)
            found.append(sensor if is_whole else sensor.with_attributes(jobs=wanted))
    return found


def by_hand_where_off(assets: _Assets, switches: Switches) -> _Assets:
    """The assets without the freshness policies of those whose source is off."""
    if not isinstance(assets, dg.AssetsDefinition):
        return assets

    def switched(spec: dg.AssetSpec) -> dg.AssetSpec:
        if switches.has(spec.key.to_user_string()):
            return spec
        return spec.replace_attributes(freshness_policy=None)

    return assets.map_asset_specs(switched)  # type: ignore[return-value]  # of the kind that was given


def _is_scheduled(job: str, switches: Switches) -> bool:
    instead_of = STANDS_IN_FOR.get(job)
    if instead_of is not None:
        return not switches.has(instead_of)
    return switches.runs_by_itself(job)

"""Dagster's entry: loads everything in `defs/`, and nothing else."""

import inspect
import logging
import warnings
from typing import Any, Final, TypeVar

import dagster as dg

import market_assets.defs
from market_assets.database_revisions import read_revisions_once
from market_assets.defs.options import with_retention
from market_assets.defs.resources import resources
from market_assets.defs.switched import by_hand_where_off, schedules_on, sensors_on
from market_assets.logs import install, level_of
from market_assets.settings import Settings, load

# Dagster's sensor decorator warns of a beta parameter that it passes on by itself.
warnings.filterwarnings("ignore", message=".*SensorDefinition", category=dg.BetaWarning)
# References to code are shown to people only: nothing breaks with them.
warnings.filterwarnings(
    "ignore", message=".*(CodeReference|source_code_references)", category=dg.BetaWarning
)
# What finds the definitions of a package, and what it asks of each asset.
warnings.filterwarnings("ignore", message=".*load_definitions_from_", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", message=".*backfill_policy", category=dg.BetaWarning)


_Assets = TypeVar("_Assets")
"""Any kind of asset that a module may define."""

_built: Final[list[tuple[Settings, dg.Definitions]]] = []
"""The definitions and what they were built with: a run asks for them more than once, and one that
is forked finds those of the process that it is forked from."""


@dg.definitions
def defs() -> dg.Definitions:
    """All assets, checks and jobs of the project, and what of it runs by itself.

    Assets say where they are. A source that is off has no schedule, sensor or freshness policy.
    Loaded by Dagster's code server and by the process of each run: their logs are set up here.
    """
    settings = load()
    install(
        settings.log_format,
        secrets=settings.secrets,
        level=level_of(settings.log_level, logging.INFO),
    )
    if not _built or _built[0][0] != settings:
        _built[:] = [(settings, _definitions(settings))]
    return _built[0][1]


def _definitions(settings: Settings) -> dg.Definitions:
    read_revisions_once()
    loaded = dg.load_definitions_from_package_module(market_assets.defs)
    assets = list(loaded.assets or [])
    defined = [one for one in assets if isinstance(one, dg.AssetsDefinition)]
    others = [one for one in assets if not isinstance(one, dg.AssetsDefinition)]
    assets = [*with_retention(defined, settings.retention), *others]
    switches = settings.sources
    return dg.Definitions(
        assets=[by_hand_where_off(_with_code_reference(one), switches) for one in assets],
        asset_checks=loaded.asset_checks,
        schedules=schedules_on(loaded.schedules or (), switches),
        sensors=sensors_on(loaded.sensors or (), switches),
        jobs=loaded.jobs,
        resources=resources(settings),
        executor=dg.in_process_executor,
    )


def _with_code_reference(assets: _Assets) -> _Assets:
    """The assets with where their function is: the one that is decorated, whatever decorates it."""
    if not isinstance(assets, dg.AssetsDefinition):
        return assets
    step: Any = assets.op.compute_fn
    function = inspect.unwrap(step.decorated_fn)
    file, line = inspect.getsourcefile(function), inspect.getsourcelines(function)[1]
    reference = dg.LocalFileCodeReference(file_path=str(file), line_number=line)
    found = {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}
    return assets.map_asset_specs(  # type: ignore[return-value]  # of the kind that was given
        lambda spec: spec.replace_attributes(metadata={**spec.metadata, **found})
    )

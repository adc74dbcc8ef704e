"""What each run would load and build before its first step: done once, before the fork.

Besides the definitions these are the modules that a run imports on its way, and the revisions of
Dagster's databases (`database_revisions.py`).
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Final

from dagster import deserialize_value
from dagster._core.origin import RepositoryPythonOrigin
from dagster._utils.hosted_user_process import recon_repository_from_origin

import market_assets
from market_assets.database_revisions import read_revisions_now

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES: Final = ("sources", "ingestion", "storage", "tables")
"""Packages that runs import when they need them. None of their modules may look inside a library
that is put off (`deferred.py`) while it is imported."""
_OTHERS: Final = (
    "numpy",
    "httpcore",
    "upath.core",
    "upath.implementations.local",
    "dagster._core.executor.in_process",
    "dagster._core.instance.factory",
)


def preload(origin: str) -> None:
    """Load the definitions, build every job, and do what else each run would do.

    Args:
        origin: where the definitions are, a `RepositoryPythonOrigin` as Dagster serialized it.
    """
    repository = recon_repository_from_origin(deserialize_value(origin, RepositoryPythonOrigin))
    repository.get_definition().get_all_jobs()
    for module in modules():
        importlib.import_module(module)
    read_revisions_now()


def modules() -> Iterator[str]:
    """The modules that are loaded beside the definitions."""
    yield from _OTHERS
    for path in market_assets.__path__:
        for package in PACKAGES:
            name = f"{market_assets.__name__}.{package}"
            yield name
            found = pkgutil.walk_packages([f"{path}/{package}"], f"{name}.")
            yield from (one.name for one in found)

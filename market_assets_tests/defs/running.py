"""The project's jobs run inside a test, against a simulated venue and a database of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from market_assets.definitions import defs
from market_assets.storage.files.store import FileStore


@dataclass
class Project:
    """The definitions with the settings of a test, an instance and the database.

    Attributes:
        definitions: as `dagster` loads them.
        instance: where runs are kept.
        store: the database that they write.
    """

    definitions: dg.Definitions
    instance: dg.DagsterInstance
    store: FileStore

    def run(self, job: str) -> dg.ExecuteInProcessResult:
        """One run of a job; a step that fails does not raise."""
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False
        )

    def materialize(self, *assets: str) -> dg.ExecuteInProcessResult:
        """These assets alone, as `dagster asset materialize --select` does."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(asset) for asset in assets],
            raise_on_error=False,
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return self.store.read(sql).rows()


def project(monkeypatch: pytest.MonkeyPatch, folder: Path, environment: dict[str, str]) -> Project:
    """A project whose settings are these variables and a database in the folder.

    Its instance is the caller's to close (`with project(…).instance:`): one that is left to the
    garbage collector warns of its folder in the middle of some other test, which then fails.
    """
    database = folder / "market.duckdb"
    variables = {"MARKET_DB": str(database), "DAGSTER_HOME": str(folder / "dagster"), **environment}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Project(defs(), dg.DagsterInstance.ephemeral(), FileStore(database))


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """What each materialized asset said, by asset."""
    return {
        event.asset_key.to_user_string(): {
            name: value.value
            for name, value in event.step_materialization_data.materialization.metadata.items()
        }
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }


def errors(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """The innermost error of each step that failed."""
    found = {}
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            error = event.step_failure_data.error
            while error.cause is not None:
                error = error.cause
            found[str(event.step_key)] = error.message
    return found

"""Failures that stand, as an instance knows them; alerts for them are in `defs/test_alerts.py`."""

from __future__ import annotations

import dagster as dg
from dagster import DagsterInstance

from market_assets.operations.health.open_failures import failed_checks
from market_assets_tests.operations.health.venue import CHANNEL, damage


@dg.asset(name="things")
def things() -> None:
    """What the checks are about."""


def rule(name: str) -> dg.AssetChecksDefinition:
    """A check that does not pass."""

    @dg.asset_check(asset=things, name=name)
    def check() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, metadata={"rows_that_break_it": 2})

    return check


def test_a_check_that_counts_no_rows_is_told_in_its_own_words(instance: DagsterInstance) -> None:
    """Whoever is woken reads what it found, and no secret that an error may have held."""

    @dg.asset_check(asset=things, name="whole")
    def whole() -> dg.AssetCheckResult:
        said = "1 of 5 failed, the first aave: GET https://api.example/x?key=hush: 400"
        return dg.AssetCheckResult(passed=False, description=said)

    definitions = dg.Definitions(assets=[things], asset_checks=[whole])
    definitions.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
    (found,) = failed_checks(instance, list(whole.check_keys), [CHANNEL])
    assert found.said.startswith("1 of 5 failed, the first aave: GET https://api.example/x")
    assert "hush" not in found.said


def test_a_damaged_evaluation_does_not_hide_the_other_checks(instance: DagsterInstance) -> None:
    """The alerts ask once a minute: one bad record must not silence all of them."""
    checks = [rule("first"), rule("second")]
    definitions = dg.Definitions(assets=[things], asset_checks=checks)
    definitions.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
    keys = [key for check in checks for key in check.check_keys]
    assert {one.name for one in failed_checks(instance, keys, [CHANNEL])} == {"first", "second"}
    damage(
        instance,
        "history/runs/index.db",
        "update asset_check_executions set evaluation_event = '{' where check_name = ?",
        "first",
    )
    (left,) = failed_checks(instance, keys, [CHANNEL])
    assert (left.name, left.said, left.source) == ("second", "2 rows break it", "venue")

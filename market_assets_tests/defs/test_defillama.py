"""DefiLlama's assets run by Dagster in this process, against a small server and a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from market_assets.cli.main import cli
from market_assets_tests.defs.running import Project, errors, metadata, project
from market_assets_tests.ingestion.defillama.conftest import fill_routes
from market_assets_tests.sources.defillama.shapes import Llama, llama

HOURLY = (
    "defillama_subjects",
    "defillama_capital_base",
    "defillama_capital_flows",
    "defillama_economic_throughput",
)
WHOLE = "every_subject_was_read"


@pytest.fixture
def venue() -> Iterator[Llama]:
    with llama() as running:
        fill_routes(running, datetime.now(tz=UTC).date())
        yield running


def environment(venue: Llama, **more: str) -> dict[str, str]:
    url = venue.server.url
    return {
        "DEFILLAMA_API_URL": url,
        "DEFILLAMA_STABLECOINS_URL": url,
        "MARKET_DEFILLAMA_TRACK": "protocol:protocol-3",
        **more,
    }


@pytest.fixture
def here(venue: Llama, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Project]:
    """A project with an empty registry: every link of the file counts as listed."""
    made = project(monkeypatch, tmp_path, environment(venue))
    with made.instance:
        yield made


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """What the checks that ran found, by name; of checks that all tables have, the last."""
    return {found.check_name: found for found in result.get_asset_check_evaluations()}


def test_the_hourly_job(here: Project) -> None:
    """Four assets in one run: a row per subject, every check holds, the ratio is stated."""
    done = here.run("defillama_capital_refresh")
    assert done.success, errors(done)
    said = metadata(done)
    assert set(said) == set(HOURLY)
    assert said["defillama_subjects"]["tracked"] == 5
    for asset in HOURLY[1:]:
        assert said[asset]["dagster/row_count"] == 5
        assert said[asset]["failed_count"] == 0
    # The 700 and 300 of two chains, beside the 800 and 100 of their protocols.
    checks = verdicts(done)
    assert [name for name, found in checks.items() if not found.passed] == []
    stated = checks["chain_tvl_is_near_its_protocols"].metadata
    assert stated["ratio"].value == pytest.approx(0.9)
    assert "chain:ethereum" in str(stated["by_chain"].value)
    assert here.rows("select sum(tvl_change_7d_usd) from defillama_capital_flows") == [(21.0,)]
    runs = here.rows("select asset_key, rows_written from ingestion_runs where status = 'ok'")
    assert sorted(runs) == sorted((asset, 5) for asset in HOURLY)


def test_some_fail_and_the_rest_is_written(here: Project, venue: Llama) -> None:
    """One of five is more than a tenth: the run fails, once, and says who; four have rows."""
    assert here.materialize("defillama_subjects").success
    del venue.routes["/protocol/aave-v3"]
    done = here.materialize("defillama_capital_flows")
    (said,) = errors(done).values()
    assert said.startswith("dagster._core.definitions.events.Failure: 1 of 5 subjects failed")
    assert "the first protocol:aave-v3: tvl: defillama: GET /protocol/aave-v3: 400" in said
    found = verdicts(done)[WHOLE]
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert list(found.metadata["failed"].value) == ["protocol:aave-v3"]  # type: ignore[call-overload]
    assert here.rows("select count(*) from defillama_capital_flows") == [(4,)]
    assert venue.asked().count("/protocol/aave-v3") == 1


def test_a_share_can_be_tolerated(
    venue: Llama, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The setting: a fifth may fail. The asset is materialized, and its check warns."""
    tolerant = environment(venue, MARKET_DEFILLAMA_FAILED_SHARE="0.2")
    here = project(monkeypatch, tmp_path, tolerant)
    del venue.routes["/protocol/aave-v3"]
    with here.instance:
        done = here.materialize("defillama_subjects", "defillama_capital_flows")
    assert done.success, errors(done)
    assert metadata(done)["defillama_capital_flows"]["failed_count"] == 1
    assert not verdicts(done)[WHOLE].passed


def test_history_of_one_subject(here: Project) -> None:
    """Backfilled by subject; no subjects, unknown ids and metrics are said in one line."""
    (said,) = errors(here.materialize("defillama_daily_history")).values()
    assert "no subject is tracked: materialize defillama_subjects first" in said
    assert here.materialize("defillama_subjects").success
    job = here.definitions.resolve_implicit_global_asset_job_def()

    def history(**config: object) -> dg.ExecuteInProcessResult:
        return job.execute_in_process(
            instance=here.instance,
            asset_selection=[dg.AssetKey("defillama_daily_history")],
            run_config={"ops": {"defillama_daily_history": {"config": config}}},
            raise_on_error=False,
        )

    done = history(subjects=["chain:op-mainnet"], metrics=["tvl"])
    assert done.success, errors(done)
    stored = here.rows(
        "select subject_id, metric, count(*) from defillama_daily_history group by all"
    )
    assert [row[:2] for row in stored] == [("chain:op-mainnet", "tvl")]
    [(newest,)] = here.rows("select max(day) from defillama_daily_history")
    assert newest < datetime.now(tz=UTC).date()
    assert "no such subject: chain:atlantis" in str(errors(history(subjects=["chain:atlantis"])))
    assert "no metric price; one of tvl" in str(errors(history(metrics=["price"])))


def test_probe(here: Project) -> None:
    """Prints what the five tables would get, and makes no database."""
    shown = CliRunner().invoke(cli, ["probe", "defillama", "--limit", "3"])
    assert shown.exit_code == 0, shown.output
    for table in (*HOURLY, "defillama_daily_history"):
        assert f"{table}: " in shown.output
    assert not here.store.paths.live.exists()

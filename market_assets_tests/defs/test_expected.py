"""What may go wrong is told in a line: no stack, neither in a log nor in Dagster's history."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from market_assets.definitions import defs
from market_assets.defs.expected import ExpectedFailure, fails_in_a_line
from market_assets.operations.health.failures import error_of, failed_run
from market_assets.sources.errors import VenueRejected, VenueUnavailable
from market_assets.storage.common.errors import StoreLocked
from market_assets_tests.defs.running import project

DOWN = "http://127.0.0.1:9"
ADDRESSES = (
    "HYPERLIQUID_API_URL",
    "POLYMARKET_GAMMA_URL",
    "POLYMARKET_DATA_URL",
    "POLYMARKET_CLOB_URL",
    "DEFILLAMA_API_URL",
    "DEFILLAMA_STABLECOINS_URL",
)
NO_VENUE = {**dict.fromkeys(ADDRESSES, DOWN), "NO_PROXY": "127.0.0.1"}


@pytest.mark.parametrize(
    ("asset", "kind"),
    [
        ("hyperliquid_assets", "VenueUnavailable"),
        ("hyperliquid_funding_rates", "Failure"),
        ("polymarket_tags", "VenueUnavailable"),
        ("polymarket_trades", "VenueUnavailable"),
        ("defillama_subjects", "VenueUnavailable"),
    ],
)
def test_a_venue_that_is_down_is_a_line(
    asset: str,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("market_assets.sources.retry.RUN_PATIENCE_S", 0.1)
    monkeypatch.setattr("market_assets.sources.http.time.sleep", lambda _: None)
    here = project(monkeypatch, tmp_path, NO_VENUE)
    with here.instance:
        done = here.materialize(asset)
        assert not done.success
        assert error_of(here.instance, done.run_id).kind == kind
        failed = failed_run(here.instance, done.run_id, "")
        assert failed.errors[asset].kind == kind
        for entry in here.instance.all_logs(done.run_id):
            event = entry.dagster_event
            data = event.event_specific_data if event is not None else None
            error = getattr(data, "error", None)
            assert error is None or (error.stack, error.cause) == ([], None)
        output = "".join(capfd.readouterr())
        assert "Stack Trace" not in output
        assert "Traceback" not in output


def test_every_asset_every_check_and_the_stream_fail_in_a_line() -> None:
    repository = defs().get_repository_def()
    ops = [one.node_def for one in repository.asset_graph.assets_defs]
    ops += [repository.get_job("hyperliquid_stream").nodes[0].definition]
    plain = []
    for op in ops:
        assert isinstance(op, dg.OpDefinition)
        function = op.compute_fn.decorated_fn
        if inspect.unwrap(function) is function:
            plain.append(op.name)
    assert plain == []


@pytest.mark.parametrize(
    ("raised", "kind", "line"),
    [
        (VenueRejected("v", "400 no", 400), "VenueRejected", "v: 400 no"),
        (VenueUnavailable("v", "http://me:s3cr3t@h/x"), "VenueUnavailable", "v: http://h/x"),
        (StoreLocked("/d is held"), "StoreLocked", "/d is held"),
        (dg.Failure("not there yet", metadata={"n": 1}), "Failure", "not there yet"),
    ],
)
def test_the_kinds_of_expected_failures(raised: Exception, kind: str, line: str) -> None:
    @fails_in_a_line
    def plain() -> None:
        raise raised

    @fails_in_a_line
    def generator() -> Iterator[int]:
        yield 1
        raise raised

    with pytest.raises(ExpectedFailure) as one:
        plain()
    with pytest.raises(ExpectedFailure) as other:
        list(generator())
    for failure in (one.value, other.value):
        assert failure.description == line
        (said,) = failure.user_code_process_error_infos
        assert (said.cls_name, said.stack, said.cause) == (kind, [], None)
        assert said.message.endswith(f"{kind}: {line}")
        assert ("n" in failure.metadata) == (kind == "Failure")


def test_what_nobody_expects_keeps_its_stack() -> None:
    @fails_in_a_line
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()

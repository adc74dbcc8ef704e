"""A venue that fails: a run that cannot succeed ends at once, one that may after its patience."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import dagster as dg
import pytest

from market_assets.clock import ManualClock, SystemClock
from market_assets.defs import operations, resources
from market_assets.settings import load
from market_assets.sources.retry import RUN_PATIENCE_S, RetryPolicy, Trouble
from market_assets_tests.defs.running import errors, project
from market_assets_tests.sources.http_server import Reply, Server, serving

ROOT = Path(__file__).resolve().parent.parent.parent
ASSETS = ("hyperliquid_asset_contexts", "polymarket_trades", "defillama_subjects")
AT_ONCE = {
    "400": Reply(400, {"error": "bad request"}),
    "404": Reply(404, b"not found"),
    "nonsense": Reply(200, {"this": "is nobody's answer"}),
    "no JSON": Reply(200, b"\x00\x01garbage"),
}
LATER = {
    "503": Reply(503, b"<html>Service Unavailable</html>"),
    "web page": Reply(200, b"<html>Be right back</html>"),
    "cut": Reply(200, [1, 2, 3, 4], cut=True),
    "hangs": Reply(hang=True),
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def addresses(server: Server) -> dict[str, str]:
    """Every venue is this server."""
    names = ("HYPERLIQUID_API", "POLYMARKET_GAMMA", "POLYMARKET_DATA", "POLYMARKET_CLOB")
    names += ("DEFILLAMA_API", "DEFILLAMA_STABLECOINS")
    return {**{f"{name}_URL": server.url for name in names}, "NO_PROXY": "127.0.0.1"}


def materialized(
    asset: str, server: Server, patch: pytest.MonkeyPatch, folder: Path
) -> dg.ExecuteInProcessResult:
    """One run against it, with a patience of half a second."""
    patch.setattr(
        resources,
        "for_a_run",
        lambda: RetryPolicy(attempts=8, first_delay=0.01, longest_delay=0.05, trouble=Trouble(0.5)),
    )
    made = project(patch, folder, addresses(server))
    with made.instance:
        return made.materialize(asset)


def asked(server: Server) -> list[str]:
    """Each question, as often as it was asked."""
    return [f"{path} {body}" for path, body in server.requests]


@pytest.mark.parametrize("asset", ASSETS)
@pytest.mark.parametrize("kind", AT_ONCE)
def test_what_cannot_succeed_is_asked_once(
    asset: str, kind: str, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.route = lambda _path, _body: AT_ONCE[kind]
    result = materialized(asset, server, monkeypatch, tmp_path)
    assert not result.success
    assert len(errors(result)) == 1
    questions = asked(server)
    assert questions
    assert len(questions) == len(set(questions)), "no question is repeated"
    assert not [event for event in result.all_events if event.is_step_up_for_retry]


@pytest.mark.parametrize("asset", ASSETS)
@pytest.mark.parametrize("kind", LATER)
def test_what_may_pass_is_asked_again_and_not_for_long(
    asset: str, kind: str, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.route = lambda _path, _body: LATER[kind]
    if kind == "hangs":
        monkeypatch.setattr("httpx.Client.stream", _impatient())
    result = materialized(asset, server, monkeypatch, tmp_path)
    assert not result.success
    assert len(errors(result)) == 1
    questions = asked(server)
    assert len(questions) > len(set(questions)), "it was asked again"
    assert len(questions) < 60
    assert not [event for event in result.all_events if event.is_step_up_for_retry]


def test_a_channel_that_failed_at_the_first_start_is_tried_again_within_the_minute(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its next tick is six hours away."""
    server.route = lambda _path, _body: AT_ONCE["404"]
    made = project(monkeypatch, tmp_path, addresses(server))
    clock = ManualClock(SystemClock().now())
    monkeypatch.setattr(operations, "SystemClock", lambda: clock)

    def requested() -> list[str | None]:
        context = dg.build_sensor_context(
            instance=made.instance,
            repository_def=made.definitions.get_repository_def(),
            cursor=cursors[-1],
            resources={"settings": load()},
        )
        said = operations.catch_up_late_channels(context)
        assert isinstance(said, dg.SensorResult)
        cursors.append(said.cursor)
        return [request.job_name for request in said.run_requests or []]

    cursors: list[str | None] = [None]
    with made.instance:
        assert "polymarket_tags_refresh" in requested()
        assert not made.run("polymarket_tags_refresh").success
        assert "polymarket_tags_refresh" not in requested()
        clock.advance(60)
        assert "polymarket_tags_refresh" in requested()


def _impatient() -> Any:
    """The client's own request with a time-out of a tenth of a second."""
    import httpx  # noqa: PLC0415 - what the project's client is made of

    sent = httpx.Client.stream
    return lambda self, *args, **more: sent(self, *args, **{**more, "timeout": 0.1})


@pytest.mark.parametrize(
    ("status", "patience_s"), [(400, 5.0), (503, RUN_PATIENCE_S * 4 / 3)], ids=["400", "503"]
)
def test_the_command_fails_as_fast(
    status: int, patience_s: float, server: Server, tmp_path: Path
) -> None:
    """From the first question to the last: what the process takes to start is the machine's."""
    seen: list[float] = []

    def answer(_path: str, _body: Any) -> Reply:
        seen.append(monotonic())
        return Reply(status, {"error": "no"})

    server.route = answer
    (tmp_path / "dagster").mkdir()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dagster", "asset", "materialize"),
            *("-m", "market_assets.definitions", "--select", "hyperliquid_asset_contexts"),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            **addresses(server),
            "MARKET_DB": str(tmp_path / "market.duckdb"),
            "DAGSTER_HOME": str(tmp_path / "dagster"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 1
    assert f"POST /info: {status}" in done.stdout + done.stderr
    assert seen[-1] - seen[0] <= patience_s

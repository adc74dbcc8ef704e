"""`market-assets api`: where it listens, what it refuses, how it stops, what it answers from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from market_assets.api.server import base_url, listen
from market_assets.channels import CHANNELS
from market_assets.cli.main import main
from market_assets.cli.serving import Reporter, application
from market_assets.settings import load
from market_assets.settings.values import SettingError
from market_assets.streams.core.state import STATE_FILE
from market_assets_tests.api.database import content, publish
from market_assets_tests.api.serving import running
from market_assets_tests.operations.metrics.test_exposition import STREAM as SESSION

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "not-to-be-seen"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A fresh installation."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("MARKET_")}
    return {
        **own,
        "MARKET_DB": str(tmp_path / "data" / "market.duckdb"),
        "DAGSTER_HOME": str(tmp_path / "dagster"),
        "NO_PROXY": "127.0.0.1",
    }


Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def typed(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    """The command line in this process: exit code and what it says on stderr."""

    def call(*arguments: str, **variables: str) -> tuple[int, str]:
        for name, value in {**env, **variables}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["market-assets", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), capsys.readouterr().err

    return call


@pytest.fixture
def started(env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as a user starts it, over a published file, and the address that it prints."""
    mids = content()["hyperliquid_mid_prices"]
    publish(Path(env["MARKET_DB"]), {"hyperliquid_mid_prices": mids})
    with subprocess.Popen(
        [sys.executable, "-m", "market_assets.cli.main", "api", "--port", "0"],
        env=env,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split("/ ")[0]
        finally:
            process.kill()


def test_it_says_where_serves_and_stops_at_ctrl_c(
    started: tuple[subprocess.Popen[str], str], typed: Typed
) -> None:
    """Exit code 0 and no traceback; meanwhile a second one on its port says one clear line."""
    process, url = started
    assert url.startswith("http://127.0.0.1:")
    answer = httpx.get(f"{url}/api/v1/assets/BTC/latest", trust_env=False, timeout=60)
    assert answer.json()["mid"]["mid"] == 100.0
    port = url.rpartition(":")[2]
    code, said = typed("api", "--port", port)
    assert code == 1
    assert said.startswith(f"market-assets: port {port} of 127.0.0.1 is taken")
    assert said.count("\n") == 1
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_another_address_needs_a_token(typed: Typed) -> None:
    """One line that names the variable; nothing is served."""
    code, said = typed("api", "--host", "0.0.0.0", "--port", "0", MARKET_API_TOKEN="")  # noqa: S104 - refused
    assert code == 1
    assert "MARKET_API_TOKEN" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_is_a_number_that_there_is(typed: Typed, port: str) -> None:
    """Click's own words, on one line."""
    code, said = typed("api", "--port", port)
    assert code == 2
    assert port in said


@pytest.mark.parametrize("token", ["two words", "tab\there", "ünicode", "new\nline"])
def test_a_token_that_no_header_carries_is_refused_unseen(env: dict[str, str], token: str) -> None:
    """The message names the variable and not its value."""
    with pytest.raises(SettingError, match="MARKET_API_TOKEN") as raised:
        load({**env, "MARKET_API_TOKEN": token})
    assert token not in str(raised.value)


def test_the_token_is_in_no_representation_of_the_settings(env: dict[str, str]) -> None:
    """Settings are logged and shown in tracebacks."""
    settings = load({**env, "MARKET_API_TOKEN": f" {TOKEN} "})
    assert settings.api_token == TOKEN
    assert TOKEN not in repr(settings)


def test_the_whole_of_it_on_a_fresh_installation(env: dict[str, str]) -> None:
    """Health comes from Dagster, metrics from everything, and both agree; the token is needed."""
    settings = load({**env, "MARKET_API_TOKEN": TOKEN})
    reporter = Reporter(settings)
    app = application(settings, reporter)
    listener = listen("127.0.0.1", 0, has_token=True)
    try:
        with (
            running(app, listener),
            httpx.Client(base_url=base_url(listener), trust_env=False, timeout=60) as client,
        ):
            assert client.get("/api/v1/ingestion/health").status_code == 401
            client.headers["Authorization"] = f"Bearer {TOKEN}"
            health = once_answered(client, "/api/v1/ingestion/health").json()
            metrics = once_answered(client, "/metrics").text
    finally:
        app.close()
        reporter.close()
    statuses = {(row["source"], row["channel"]): row["status"] for row in health["rows"]}
    assert not health["ok"]
    assert {(one.source, one.name): "missing" for one in CHANNELS}.items() <= statuses.items()
    told = {
        (sample.labels["source"], sample.labels["channel"]): sample.labels["status"]
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "ingestion_status" and sample.value == 1
    }
    assert told == statuses
    assert TOKEN not in metrics


def test_of_a_source_that_is_off_nothing_is_served_but_its_name(env: dict[str, str]) -> None:
    """Health, metrics and the page; what its stream once said of itself too."""
    settings = load({**env, "MARKET_SOURCES": "polymarket", "MARKET_BOOKS_STREAM": "off"})
    publish(settings.market_db)
    SESSION.write(settings.machine.folder / STATE_FILE)
    reporter = Reporter(settings)
    app = application(settings, reporter)
    listener = listen("127.0.0.1", 0, has_token=False)
    try:
        with (
            running(app, listener),
            httpx.Client(base_url=base_url(listener), trust_env=False, timeout=60) as client,
        ):
            health = once_answered(client, "/api/v1/ingestion/health").json()
            metrics = once_answered(client, "/metrics").text
            page = once_answered(client, "/").text
    finally:
        app.close()
        reporter.close()
    assert {row["source"] for row in health["rows"]} == {"polymarket", "dagster", "storage"}
    assert [one["source"] for one in health["off"]] == ["hyperliquid", "defillama"]
    assert "off: hyperliquid, defillama (MARKET_SOURCES)" in page
    assert "<h2>Stream</h2>" not in page
    for line in (line for line in metrics.splitlines() if not line.startswith("#")):
        assert "hyperliquid" not in line
        assert "defillama" not in line
    assert 'ingestion_failure_total{channel="markets",source="polymarket"} 1.0' in metrics


def once_answered(client: httpx.Client, route: str) -> httpx.Response:
    """The first answer but 503: what Dagster imports takes its time on a busy machine."""
    deadline = time.monotonic() + 120
    while (answer := client.get(route)).status_code == 503:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return answer

"""`/metrics` as Prometheus reads it, parts of it that cannot be told, and the dashboard."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_metrics,
)
from prometheus_client.parser import text_string_to_metric_families

from market_assets.channels import CHANNELS
from market_assets.clock import ManualClock
from market_assets.machine_paths import machine_paths
from market_assets.operations.health.statuses import Health
from market_assets.operations.metrics import families
from market_assets.operations.metrics.exposition import Metrics
from market_assets.operations.metrics.totals import RunTotals
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.published import Published
from market_assets.streams.core.state import STATE_FILE, SessionState
from market_assets.tables import HYPERLIQUID_MID_PRICES
from market_assets_tests.api.database import NOW, ago, content, publish
from market_assets_tests.api.serving import HEALTHY, served

ROOT = Path(__file__).resolve().parents[3]
DASHBOARD = ROOT / "deploy" / "grafana" / "market_assets.json"
SECRET = "https://user:hunter2@example.org/?token=abc"
STREAM = SessionState(
    phase="streaming",
    pid=1,
    run_id="r",
    code_version="c",
    since=ago(hours=1),
    written_at=ago(seconds=4),
    sockets=1,
    subscriptions={"acknowledged": 400, "wanted": 405},
    frames_per_s=88.5,
    lag_s={"hyperliquid_mid_prices": 2.0, "hyperliquid_candles": 3.5},
    reconnects=2,
    waiting_rows=70,
    lock={
        "waits": 3,
        "wait_ms_total": 250.0,
        "wait_ms_max": 200.0,
        "holds": 9,
        "hold_ms_total": 80.0,
    },
    last_error=SECRET,
)
BOOKS = replace(STREAM, clock={"proven_share": 0.998}, lag_s={"polymarket_books": 1.0})


def metrics_of(path: Path, health: Callable[[], Health] = lambda: HEALTHY) -> Metrics:
    """The metrics of the installation around a published file."""
    clock = ManualClock(NOW)
    published = Published(path)
    totals = RunTotals(
        path.parent / "live" / "run_totals.json", keep=NOW - ago(days=30), clock=clock
    )
    return Metrics(
        published=published, market_db=published.path, totals=totals, health=health, clock=clock
    )


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file, two streams that say how they are, and two segments in the spool."""
    path = tmp_path_factory.mktemp("metrics") / "market.duckdb"
    store = publish(path)
    STREAM.write(store.paths.folder / STATE_FILE)
    books = machine_paths(path).stream("polymarket").folder
    books.mkdir(parents=True)
    BOOKS.write(books / STATE_FILE)
    spool = Spool(
        store.paths.folder / "spool", limit_bytes=10**9, clock=ManualClock(ago(seconds=30))
    )
    for _ in range(2):
        spool.append(HYPERLIQUID_MID_PRICES, content()["hyperliquid_mid_prices"])
    return path


@pytest.fixture(scope="module")
def scraped(installation: Path) -> Iterator[httpx.Response]:
    """The answer of a real server."""
    with served(installation, metrics=metrics_of(installation).text) as client:
        yield client.get("/metrics")


def values(text: str) -> dict[str, float]:
    """Every sample by name and sorted labels: `name{a="b"}`."""
    return {
        sample.name
        + "".join(f"{{{k}={v}}}" for k, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_it(scraped: httpx.Response) -> None:
    """The media type of the text format, given once; every family has a help line."""
    assert scraped.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert scraped.headers["cache-control"] == "no-store"
    families = list(text_string_to_metric_families(scraped.text))
    assert all(family.documentation for family in families)
    assert len({family.name for family in families}) == len(families)


def test_the_numbers_are_those_of_the_installation(scraped: httpx.Response) -> None:
    """One of each kind."""
    found = values(scraped.text)
    contexts = "{channel=contexts}{source=hyperliquid}"
    assert found[f"ingestion_success_total{contexts}"] == 2
    assert found["ingestion_failure_total{channel=markets}{source=polymarket}"] == 1
    assert found[f"ingestion_rows_written_total{contexts}"] == 10
    assert found[f"ingestion_duration_ms_count{contexts}"] == 2
    assert found[f"ingestion_duration_ms_sum{contexts}"] == 1400
    assert (
        found["ingestion_duration_ms_bucket{channel=contexts}{le=500.0}{source=hyperliquid}"] == 0
    )
    assert (
        found["ingestion_duration_ms_bucket{channel=contexts}{le=1000.0}{source=hyperliquid}"] == 2
    )
    assert found["ingestion_age_seconds{channel=mids}{source=hyperliquid}"] == 12.5
    assert found["ingestion_status{channel=mids}{source=hyperliquid}{status=ok}"] == 1
    assert found["ingestion_status{channel=mids}{source=hyperliquid}{status=failed}"] == 0
    assert found["ingestion_ok"] == 1
    assert found["stream_lag_seconds{source=hyperliquid}{table=hyperliquid_mid_prices}"] == 6.0
    assert found["stream_queue_depth_rows{source=hyperliquid}"] == 70
    assert found["stream_reconnects{source=hyperliquid}"] == 2
    assert found["stream_proven_share{source=polymarket}"] == 0.998
    assert "stream_proven_share{source=hyperliquid}" not in found
    assert found["database_lock_wait_seconds{source=hyperliquid}"] == 0.25
    assert found["spool_segments"] == 2
    assert found["spool_oldest_age_seconds"] == 30.0
    assert found["spool_bytes"] > 0
    assert found["database_bytes{file=published}"] > 10_000
    assert found["process_resident_memory_bytes"] > 0
    assert {v for k, v in found.items() if k.startswith("metrics_part_readable")} == {1.0}


def test_every_channel_has_its_counters_before_its_first_run(scraped: httpx.Response) -> None:
    """A rate needs a zero to begin with."""
    found = values(scraped.text)
    for channel in CHANNELS:
        labels = f"{{channel={channel.name}}}{{source={channel.source}}}"
        for name in ("ingestion_success_total", "ingestion_failure_total"):
            assert name + labels in found


def test_labels_are_few_and_hold_no_secret(scraped: httpx.Response) -> None:
    """Names of the program's own only: nothing of what a venue or an error said."""
    labels = {
        name
        for family in text_string_to_metric_families(scraped.text)
        for sample in family.samples
        for name in sample.labels
    }
    assert labels == {"source", "channel", "status", "table", "file", "part", "le"}
    assert "hunter2" not in scraped.text
    assert "the venue said" not in scraped.text


def test_open_metrics_is_spoken_where_it_is_asked_for(installation: Path) -> None:
    """And its strict parser takes it."""
    text, media_type = metrics_of(installation).text("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text; version=1.0.0")
    names = {family.name for family in open_metrics(text.decode())}
    assert {"ingestion_success", "ingestion_duration_ms"} <= names


def test_a_part_that_cannot_be_told_costs_only_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No database, no stream, no verdict: the rest is there, and says which are missing."""

    def broken() -> Health:
        raise OSError("a damaged instance")

    text, _ = metrics_of(tmp_path / "market.duckdb", broken).text("")
    found = values(text.decode())
    readable = {k: v for k, v in found.items() if k.startswith("metrics_part_readable")}
    assert readable == {
        "metrics_part_readable{part=runs}": 0.0,
        "metrics_part_readable{part=health}": 0.0,
        "metrics_part_readable{part=stream}": 0.0,
        "metrics_part_readable{part=spool}": 1.0,
        "metrics_part_readable{part=files}": 1.0,
    }
    assert found["spool_segments"] == 0
    assert "no metrics of health: OSError: a damaged instance" in caplog.text


def test_of_a_source_that_is_off_nothing_is_told(installation: Path) -> None:
    """Neither what its stream said last, nor that this could not be told."""
    clock = ManualClock(NOW)
    totals = RunTotals(
        installation.parent / "live" / "of_one_off.json",
        keep=NOW - ago(days=30),
        clock=clock,
        off={"hyperliquid"},
    )
    metrics = Metrics(
        published=Published(installation),
        market_db=installation,
        totals=totals,
        health=lambda: Health(NOW, ()),
        clock=clock,
        off={"hyperliquid", "polymarket"},
    )
    found = values(metrics.text("")[0].decode())
    assert [name for name in found if "hyperliquid" in name or "stream" in name] == []
    assert {v for k, v in found.items() if k.startswith("metrics_part_readable")} == {1.0}
    assert found["ingestion_failure_total{channel=markets}{source=polymarket}"] == 1


def test_half_an_account_of_the_stream_is_no_account(tmp_path: Path) -> None:
    """Written by another version: left out as a whole, not half told."""
    publish(tmp_path / "market.duckdb", {})
    (tmp_path / "live" / STATE_FILE).write_text(json.dumps({"written_at": "2026-11-20T12:00:00Z"}))
    found = values(metrics_of(tmp_path / "market.duckdb").text("")[0].decode())
    assert found["metrics_part_readable{part=stream}"] == 0.0
    assert not [name for name in found if name.startswith("stream_")]


def test_a_channel_that_is_not_well_shows_as_such(installation: Path) -> None:
    """The status that it has is 1, and the whole is not ok."""
    (row,) = HEALTHY.rows
    late = Health(NOW, (replace(row, status="missing", age_s=None),))
    found = values(metrics_of(installation, lambda: late).text("")[0].decode())
    assert found["ingestion_ok"] == 0
    assert found["ingestion_status{channel=mids}{source=hyperliquid}{status=missing}"] == 1
    assert "ingestion_age_seconds{channel=mids}{source=hyperliquid}" not in found


WORDS = re.compile(r"\b[a-z_]+(?:_[a-z]+)+\b(?!\s*\()")
"""Names with an underscore that are not called: metrics, in PromQL."""


def expressions() -> list[tuple[str, str]]:
    """Each query of the dashboard, with the title of its panel."""
    said = json.loads(DASHBOARD.read_text("utf-8"))
    found = [(p["title"], t["expr"]) for p in said["panels"] for t in p["targets"]]
    return found + [
        (v["name"], v["definition"]) for v in said["templating"]["list"] if "definition" in v
    ]


@pytest.mark.parametrize(("panel", "expression"), expressions())
def test_the_dashboard_names_only_metrics_that_exist(
    scraped: httpx.Response, panel: str, expression: str
) -> None:
    """And only labels that they have."""
    samples = [s for f in text_string_to_metric_families(scraped.text) for s in f.samples]
    names = {sample.name for sample in samples}
    asked = set(WORDS.findall(expression)) - {"label_values"}
    assert asked, panel
    assert asked <= names, panel
    labels = {name for sample in samples for name in sample.labels}
    assert set(re.findall(r"(\w+)\s*=~?\s*\"", expression)) <= labels, panel
    for grouping in re.findall(r"by \(([^)]*)\)", expression):
        assert {one.strip() for one in grouping.split(",")} <= labels, panel


def test_the_dashboard_shows_how_each_stream_is() -> None:
    """What it brings, how late, and whether its books are the venue's: of the chosen sources."""
    asked = {expression for _, expression in expressions()}
    for name in ("stream_frames_per_second", "stream_lag_seconds", "stream_proven_share"):
        assert f'{name}{{source=~"$source"}}' in asked


def test_every_panel_asks_the_data_source_that_is_chosen() -> None:
    """No address or id of somebody's own Grafana; every panel says what it shows."""
    said = json.loads(DASHBOARD.read_text("utf-8"))
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert said["templating"]["list"][0]["type"] == "datasource"
    assert len({panel["id"] for panel in said["panels"]}) == len(said["panels"])
    for panel in said["panels"]:
        assert panel["title"]
        assert panel["description"]
        assert panel["datasource"] == chosen
        assert all(target["datasource"] == chosen for target in panel["targets"])


def test_the_share_of_proved_books_is_told_where_a_stream_has_books() -> None:
    account = json.loads(json.dumps(asdict(STREAM), default=str))
    account["clock"] = {"proven_share": 0.998}
    found = {one.name: one for one in families.stream("polymarket", account, NOW)}
    [sample] = found["stream_proven_share"].samples
    assert (sample.labels, sample.value) == ({"source": "polymarket"}, 0.998)
    account["clock"] = {}
    assert "stream_proven_share" not in {
        one.name for one in families.stream("hyperliquid", account, NOW)
    }

"""The commands as a user types them: output, exit codes, one clear line for what is wrong."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from dagster import AssetMaterialization, DagsterRunStatus, RunsFilter

from market_assets.cli.instance import close_what_was_cut_off, open_instance
from market_assets.cli.main import cli
from market_assets.operations.health.automation import Automation
from market_assets.settings import load
from market_assets.storage.files.store import FileStore
from market_assets_tests.cli.commands import ROOT, Inside, run
from market_assets_tests.operations.health.venue import account, beat, queued, tick
from market_assets_tests.simulated import Simulated


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_has_a_help_and_a_sentence(name: str, inside: Inside) -> None:
    code, out, _ = inside(name, "--help")
    assert code == 0
    assert f"Usage: market-assets {name}" in out
    assert cli.commands[name].help


def test_no_command_shows_them_all(inside: Inside) -> None:
    code, out, err = inside()
    assert code != 0
    assert "status" in out + err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["probe"], "Missing argument 'SOURCE'"),
        (["probe", "mtgox"], "'mtgox' is not one of 'hyperliquid', 'polymarket', 'defillama'"),
        (["probe", "hyperliquid", "--limit", "0"], "0 is not in the range"),
        (["stream", "hyperliquid"], "--duration"),
        (["stream", "hyperliquid", "--duration", "-1"], "-1.0 is not in the range"),
        (["simulate", "--port", "70000"], "70000 is not in the range"),
        (["simulate", "--recordings", "/no/such/folder"], "does not exist"),
        (["simulate", "--port", "0", "--fault", "gremlins"], "gremlins"),
        (["simulate", "--book-changes", "-1"], "-1.0 is not in the range"),
    ],
)
def test_bad_input_is_one_clear_line(inside: Inside, arguments: list[str], says: str) -> None:
    code, _, err = inside(*arguments)
    assert code != 0
    assert says in err
    assert err.strip().count("\n") == 0


@pytest.mark.parametrize(
    ("name", "value", "command"),
    [
        ("MARKET_PROFILE", "tiny", ("status",)),
        ("HYPERLIQUID_API_URL", "nowhere", ("probe", "hyperliquid")),
        ("MARKET_FLUSH_SECONDS", "soon", ("stream", "hyperliquid", "--duration", "1")),
        ("UPSTREAM", "mars", ("run",)),
        ("MARKET_SOURCES", "polymarkt", ("cadence",)),
        ("MARKET_SOURCES", "polymarkt", ("status",)),
    ],
)
def test_a_bad_variable_is_one_line_that_names_it(
    inside: Inside, name: str, value: str, command: tuple[str, ...]
) -> None:
    code, _, err = inside(*command, **{name: value})
    assert code == 1
    assert name in err
    assert value in err
    assert err.strip().count("\n") == 0


def test_a_venue_that_is_not_there_is_one_line(env: dict[str, str]) -> None:
    done = run(env | {"HYPERLIQUID_API_URL": "http://127.0.0.1:9"}, "probe", "hyperliquid")
    assert done.returncode == 1
    assert "hyperliquid" in done.stderr
    assert "Traceback" not in done.stderr


def _junk(database: Path) -> None:
    database.write_text("this is a shopping list\n" * 1000)


def _sqlite(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("create table t (x)")


def _folder(database: Path) -> None:
    database.mkdir()


def _newer(database: Path) -> None:
    store = FileStore(database)
    store.publish(force=True)
    with duckdb.connect(str(store.paths.live)) as connection:
        connection.execute("update schema_version set version = version + 1000")


@pytest.mark.parametrize("spoil", [_junk, _sqlite, _folder, _newer])
def test_a_file_that_is_not_ours_is_named_and_left_as_it_is(
    env: dict[str, str], spoil: object, tmp_path: Path
) -> None:
    database = Path(env["MARKET_DB"])
    database.parent.mkdir()
    spoil(database)  # type: ignore[operator]
    before = database.read_bytes() if database.is_file() else None
    done = run(env, "maintain")
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert done.stderr.strip().count("\n") == 0
    assert before == (database.read_bytes() if database.is_file() else None)


def test_a_folder_that_does_not_exist_is_made(env: dict[str, str], tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "market.duckdb"
    done = run(env | {"MARKET_DB": str(deep)}, "publish")
    assert (done.returncode, deep.exists()) == (0, True), done.stderr


def test_a_folder_that_cannot_be_made_is_named(env: dict[str, str]) -> None:
    done = run(env | {"MARKET_DB": "/proc/nowhere/market.duckdb"}, "publish")
    assert done.returncode == 1
    assert "/proc/nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_cadence_needs_no_database(inside: Inside, env: dict[str, str]) -> None:
    code, out, _ = inside("cadence")
    assert code == 0
    assert "hyperliquid/candles" in out
    assert "stream, 1 min" in out
    assert not Path(env["MARKET_DB"]).exists()


OFF = "off: hyperliquid, polymarket (MARKET_SOURCES)"


def test_cadence_shows_what_is_on_and_names_the_rest(inside: Inside) -> None:
    code, out, _ = inside("cadence", MARKET_SOURCES="defillama")
    assert code == 0
    shown = {line.partition("/")[0].strip() for line in out.splitlines() if "/" in line}
    assert shown == {"defillama"}
    assert out.splitlines()[-1] == OFF
    assert "off:" not in inside("cadence", MARKET_SOURCES="")[1]


def test_a_source_that_is_off_does_not_make_status_or_check_red(inside: Inside) -> None:
    """Two of three never brought anything here; the third has, and Dagster is up."""
    only = {"MARKET_SOURCES": " DefiLlama "}
    assert inside("check", **only)[0] == 1, "it is missing, and that is seen"
    settings = load()
    account(settings.machine)
    with open_instance(settings) as instance:
        beat(instance)
        tick(instance, Automation("defillama_capital_refresh_schedule", "schedule", None))
        tick(instance, Automation("catch_up_late_channels", "sensor", None))
        for channel in settings.sources.channels:
            for asset in channel.assets:
                instance.report_runless_asset_event(AssetMaterialization(asset))
    code, out, _ = inside("check")
    assert (code, out.splitlines()[1:]) == (0, [OFF]), out
    _, said, _ = inside("status", "--json")
    found = json.loads(said)
    assert {row["source"] for row in found["rows"]} == {"defillama", "dagster", "storage"}
    assert found["ok"] is True
    assert found["off"] == [
        {"source": source, "variable": "MARKET_SOURCES"} for source in ("hyperliquid", "polymarket")
    ]
    assert found["stream"] is None
    _, table, _ = inside("status")
    assert table.splitlines()[-1] == OFF
    assert "stream" not in table
    assert "weight" not in table
    code, out, _ = inside("check", MARKET_SOURCES="defillama,polymarket")
    assert code == 1
    assert "polymarket/trades is missing" in out
    assert out.splitlines()[-1] == "off: hyperliquid (MARKET_SOURCES)"


def test_before_a_start_what_waits_of_a_source_that_is_off_is_canceled(
    env: dict[str, str],
) -> None:
    settings = load({**env, "MARKET_SOURCES": "polymarket"})
    tags = {"dagster/sensor_name": "keep_hyperliquid_stream_alive"}
    off, on = queued("hyperliquid_stream", tags), queued("polymarket_tags_refresh", tags)
    with open_instance(settings) as instance:
        for run in (off, on):
            instance.add_run(run)
        close_what_was_cut_off(settings)
        left = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.QUEUED]))
    assert [run.run_id for run in left] == [on.run_id]


def test_an_asset_of_a_source_that_is_off_is_brought_by_hand(
    env: dict[str, str], venue: Simulated
) -> None:
    """By Dagster's own command."""
    env |= venue.environment | {"MARKET_SOURCES": "hyperliquid"}
    with open_instance(load(env)):
        pass
    command = ["asset", "materialize", "-m", "market_assets.definitions", "--select"]
    done = subprocess.run(
        [sys.executable, "-m", "dagster", *command, "polymarket_tags"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    with duckdb.connect(env["MARKET_DB"], read_only=True) as connection:
        assert connection.execute("from polymarket_tags").fetchone()


def test_status_of_nothing_says_that_all_is_missing(env: dict[str, str]) -> None:
    said = json.loads(run(env, "status", "--json").stdout)
    assert said["ok"] is False
    # A spool without files is well: nothing waits in it.
    assert {row["status"] for row in said["rows"] if row["source"] != "storage"} == {"missing"}
    assert {f"{r['source']}/{r['channel']}" for r in said["rows"]} >= {"dagster/daemon"}
    checked = run(env, "check")
    assert checked.returncode == 1
    assert "hyperliquid/mids is missing" in checked.stdout


def test_status_in_a_pipe_has_no_colours(env: dict[str, str]) -> None:
    done = run(env, "status")
    assert done.returncode == 0
    assert "\x1b[" not in done.stdout
    assert "hyperliquid/registry" in done.stdout
    assert "has not run here" in done.stdout


def test_check_without_a_verdict_exits_with_two(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("storage: [nonsense\n")
    done = run(env, "check")
    assert done.returncode == 2
    assert done.stderr.startswith("no verdict: ")


def test_env_example_as_dotenv_changes_nothing(env: dict[str, str]) -> None:
    assert load({"MARKET_DB": env["MARKET_DB"]}).market_db == Path(env["MARKET_DB"])


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("hyperliquid", ("hyperliquid_assets", "hyperliquid_mid_prices", "hyperliquid_candles")),
        (
            "polymarket",
            ("polymarket_events", "polymarket_markets", "polymarket_trades", "question"),
        ),
        ("defillama", ("defillama_subjects", "defillama_capital_base", "chain:ethereum")),
    ],
)
def test_probe_prints_rows_and_touches_no_database(
    env: dict[str, str], venue: Simulated, source: str, shown: tuple[str, ...]
) -> None:
    done = run(env | venue.environment, "probe", source, "--limit", "3")
    assert done.returncode == 0, done.stderr
    assert [text for text in shown if text not in done.stdout] == []
    assert not Path(env["MARKET_DB"]).exists()


def test_a_symbol_that_is_not_listed_is_named(env: dict[str, str], venue: Simulated) -> None:
    """A stream that brought nothing, and a probe of something else, would look like success."""
    env |= venue.environment | {"MARKET_SYMBOLS": "NOPE", "MARKET_FLUSH_SECONDS": "0.5"}
    for arguments in (("stream", "hyperliquid", "--duration", "2"), ("probe", "hyperliquid")):
        done = run(env, *arguments)
        assert done.returncode == 1
        assert "NOPE" in done.stderr
        assert "Traceback" not in done.stderr


def test_simulate_prints_the_environment_and_ends_on_ctrl_c(env: dict[str, str]) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "market_assets.cli.main", "simulate", "--port", "0"],
        env=env | {"PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    lines = [running.stdout.readline() for _ in range(2)]
    assert lines[0].startswith("export HYPERLIQUID_API_URL=http://127.0.0.1:")
    assert lines[1].startswith("export HYPERLIQUID_WS_URL=ws://127.0.0.1:")
    running.send_signal(2)
    assert running.wait(timeout=20) == 0
    running.stdout.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks4://127.0.0.1:1080"),
        ("HTTPS_PROXY", "http://me:s3cr3t@[::1"),
        ("NO_PROXY", "localhost,[::1"),
    ],
)
@pytest.mark.parametrize("command", [("cadence",), ("probe", "hyperliquid"), ("publish",)])
def test_a_proxy_variable_that_cannot_be_read_is_one_line(
    inside: Inside, command: tuple[str, ...], name: str, value: str
) -> None:
    code, out, err = inside(*command, **{name: value})
    assert (code, out) == (1, "")
    assert err.startswith(f"market-assets: {name}")
    assert err.count("\n") == 1
    assert "s3cr3t" not in err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("MARKET_SYMBOLS=BTC\n".encode("utf-16"), "is not UTF-8 (it looks like UTF-16)"),
        ("# café\n".encode("latin-1"), "is not UTF-8 (line 1)"),
        (None, "is a folder"),
    ],
)
def test_a_dotenv_that_cannot_be_read_is_one_line(
    env: dict[str, str], tmp_path: Path, content: bytes | None, says: str
) -> None:
    """With the real command, in a checkout of its own."""
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "market_assets", checkout / "market_assets")
    shutil.copy(ROOT / "pyproject.toml", checkout)
    dotenv = checkout / ".env"
    if content is None:
        dotenv.mkdir()
    else:
        dotenv.write_bytes(content)
    done = run(env | {"PYTHONPATH": str(checkout)}, "cadence", cwd=checkout)
    assert done.returncode == 1
    assert done.stderr == f"market-assets: {dotenv} {says}" + done.stderr.partition(says)[2]
    assert done.stderr.count("\n") == 1

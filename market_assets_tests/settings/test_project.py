"""Settings: defaults, precedence, and errors that name the variable."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from market_assets import settings
from market_assets.machine_paths import machine_paths
from market_assets.process_identity import ProcessIdentity
from market_assets.settings import load, project
from market_assets.settings.endpoints import write_endpoints
from market_assets.settings.values import SettingError
from market_assets.tables import FOR_EVER

ROOT = Path(__file__).resolve().parents[2]


def test_defaults_need_no_variable(tmp_path: Path) -> None:
    found = load({}, root=tmp_path)
    assert found.market_db == tmp_path / "data" / "market.duckdb"
    assert found.dagster_home == tmp_path / "data" / "dagster"
    assert found.hyperliquid_ws_url == "wss://api.hyperliquid.xyz/ws"
    assert found.wanted_symbols == ()
    assert found.retention["MARKET_KEEP_MIDS_HOURS"] == timedelta(minutes=30)


def test_the_shell_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MARKET_PROFILE=local\nMARKET_SYMBOLS=BTC\n")
    found = load({"MARKET_SYMBOLS": "ETH, xyz:TSLA"}, root=tmp_path)
    assert found.profile == "local"
    assert found.wanted_symbols == ("ETH", "xyz:TSLA")


def test_the_local_profile_is_eight_symbols(tmp_path: Path) -> None:
    assert len(load({"MARKET_PROFILE": "local"}, root=tmp_path).wanted_symbols) == 8


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    assert load({"MARKET_PROFILE": ""}, root=tmp_path).profile == "full"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("MARKET_PROFILE", "tiny", "full or local"),
        ("ALERT_MIN_SEVERITY", "loud", "one of"),
        ("HYPERLIQUID_API_URL", "ftp://x", "http:// or https://"),
        ("HYPERLIQUID_WS_URL", "https://x", "ws:// or wss://"),
        ("DEFILLAMA_API_URL", "http://[::1", "http:// or https://"),
        ("POLYMARKET_DATA_URL", "http://x:99999", "http:// or https://"),
        ("MARKET_UI_PORT", "http", "not a number"),
        ("MARKET_UI_PORT", "99999", "1 to 65535"),
        ("MARKET_WEIGHT_SHARE", "0.9", "0.15 to 0.8"),
        ("MARKET_FLUSH_SECONDS", "nan", "0.1 to 60"),
        ("MARKET_KEEP_MIDS_HOURS", "-1", "0.1 to"),
        ("LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("UPSTREAM", "real", "simulated or live"),
        ("HTTPS_PROXY", "ftp://proxy:21", "http://, https://, socks5://"),
        ("NO_PROXY", "localhost,[::1", "cannot be read"),
    ],
)
def test_a_bad_value_is_an_error_that_names_the_variable(
    tmp_path: Path, name: str, value: str, says: str
) -> None:
    with pytest.raises(SettingError, match=name) as caught:
        load({name: value}, root=tmp_path)
    assert says in str(caught.value)


def venues_are_up(folder: Path, urls: dict[str, str], **changed: object) -> Path:
    """What a `make run` with simulated venues leaves beside the database; gives the file."""
    database = folder / "data" / "market.duckdb"
    me = ProcessIdentity.of()
    assert me is not None
    write_endpoints(database, me, urls)
    file = machine_paths(database).endpoints
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))
    return file


SIMULATED = {
    "HYPERLIQUID_API_URL": "http://127.0.0.1:1",
    "POLYMARKET_GAMMA_URL": "http://127.0.0.1:1/gamma",
    "PATH": "/evil",
}


def test_simulated_venues_that_are_up_are_used_by_other_shells(tmp_path: Path) -> None:
    venues_are_up(tmp_path, SIMULATED)
    found = load({}, root=tmp_path)
    assert found.hyperliquid_api_url == "http://127.0.0.1:1"
    assert found.upstream == "simulated"
    shell = {"HYPERLIQUID_API_URL": "http://127.0.0.1:2"}
    assert load(shell, root=tmp_path).hyperliquid_api_url == "http://127.0.0.1:2"
    assert load({}, root=tmp_path, joins=False).upstream == "live"


def test_a_copied_example_leads_to_them_all_the_same(tmp_path: Path) -> None:
    """In our own commands, and in Dagster's, which put `.env` into their environment first."""
    venues_are_up(tmp_path, SIMULATED)
    (tmp_path / ".env").write_text(settings.env_example())
    assert load({}, root=tmp_path).hyperliquid_api_url == "http://127.0.0.1:1"
    of_dagster = {variable.name: variable.default for variable in settings.VARIABLES}
    found = load(of_dagster, root=tmp_path)
    assert found.hyperliquid_api_url == "http://127.0.0.1:1"
    assert found.upstream == "simulated"


@pytest.mark.parametrize(
    "changed", [{"pid": 2**22 + 1}, {"pid": 1}, {"started": 1.0}, {"boot": "another"}]
)
def test_those_of_a_process_that_is_gone_are_not(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    """A later process with the same number is another one."""
    venues_are_up(tmp_path, SIMULATED, **changed)
    found = load({}, root=tmp_path)
    assert found.hyperliquid_api_url == "https://api.hyperliquid.xyz"
    assert found.upstream == "live"


def test_a_number_alone_is_not_believed(tmp_path: Path) -> None:
    file = venues_are_up(tmp_path, SIMULATED)
    file.write_text(json.dumps({"pid": os.getpid(), "environment": SIMULATED}))
    assert load({}, root=tmp_path).upstream == "live"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": 1}', '{"environment": [1]}'])
def test_venues_that_cannot_be_read_are_no_real_ones(tmp_path: Path, text: str) -> None:
    file = venues_are_up(tmp_path, SIMULATED)
    file.write_text(text)
    with pytest.raises(SettingError, match=r"endpoints\.json cannot be read"):
        load({}, root=tmp_path)
    assert load({}, root=tmp_path, joins=False).upstream == "live"


def test_a_shell_that_was_told_of_simulated_venues_is_simulated(tmp_path: Path) -> None:
    """As `market-assets simulate` prints it; the wish alone moves no address."""
    told = {
        "UPSTREAM": "simulated",
        "HYPERLIQUID_API_URL": "http://127.0.0.1:1",
        "POLYMARKET_GAMMA_URL": "http://127.0.0.1:1/gamma",
        "DEFILLAMA_API_URL": "http://127.0.0.1:1/llama",
        "HTTP_PROXY": "http://proxy.example:3128",
    }
    found = load(told, root=tmp_path)
    assert (found.upstream, found.wanted_upstream) == ("simulated", "simulated")
    assert found.proxies.for_url(found.hyperliquid_api_url) is None
    wish = load({"UPSTREAM": "simulated"}, root=tmp_path)
    assert (wish.upstream, wish.wanted_upstream) == ("live", "simulated")


def test_a_copied_example_does_not_enlarge_the_local_profile(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(settings.env_example())
    local = {"MARKET_PROFILE": "local"}
    copied = load(local, root=tmp_path)
    (tmp_path / ".env").unlink()
    assert copied == load(local, root=tmp_path)


def test_env_example_lists_every_variable() -> None:
    assert (ROOT / ".env.example").read_text("utf-8") == settings.env_example()


def test_env_example_works_as_it_stands(tmp_path: Path) -> None:
    """Copied to .env it changes nothing, and a value from the shell still wins in Dagster too."""
    without = load({}, root=tmp_path)
    (tmp_path / ".env").write_text(settings.env_example())
    assert load({}, root=tmp_path) == without
    assert load({}, root=tmp_path).market_db == tmp_path / "data" / "market.duckdb"
    assert "MARKET_SYMBOLS=${MARKET_SYMBOLS:-}" in settings.env_example()


@pytest.mark.parametrize(
    "url", ["ftp://h/S3CRET", "https:///S3CRET", "http://h:port/S3CRET", "http://h/S3CRET x"]
)
def test_a_webhook_that_cannot_be_used_is_refused_without_quoting_it(
    url: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match="ALERT_WEBHOOK_URL is not an http") as error:
        load({"ALERT_WEBHOOK_URL": url}, root=tmp_path)
    assert "S3CRET" not in str(error.value)


def test_secrets_are_in_no_repr_and_known_to_the_logs(tmp_path: Path) -> None:
    env = {"ALERT_WEBHOOK_URL": "https://h.example/S3CRET", "MARKET_API_TOKEN": "T0KEN"}
    settings = load(env, root=tmp_path)
    assert "S3CRET" not in repr(settings)
    assert "T0KEN" not in repr(settings)
    assert settings.secrets == ("https://h.example/S3CRET", "T0KEN")
    assert load({}, root=tmp_path).secrets == ()


def test_log_lines_are_text_or_json(tmp_path: Path) -> None:
    assert load({}, root=tmp_path).log_format == "text"
    assert load({"LOG_FORMAT": "json"}, root=tmp_path).log_format == "json"
    with pytest.raises(SettingError, match="LOG_FORMAT is 'xml'; text or json"):
        load({"LOG_FORMAT": "xml"}, root=tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xef\xbb\xbfMARKET_SYMBOLS=BTC\n", None),
        ("MARKET_SYMBOLS=BTC\n# café".encode(), None),
        ("MARKET_SYMBOLS=BTC\n".encode("utf-16"), "not UTF-8 .*UTF-16"),
        ("MARKET_SYMBOLS=BTC\n".encode("utf-16-le"), "not UTF-8 .*UTF-16"),
        ("MARKET_SYMBOLS=BTC\n".encode("utf-32"), "not UTF-8 .*UTF-32"),
        ("MARKET_SYMBOLS=BTC\n# café".encode("latin-1"), "not UTF-8 .line 2"),
        (b"MARKET_SYMBOLS=BTC\nMARKET_API_TOKEN='T0KEN\n", "line 2 is no NAME=value"),
    ],
)
def test_a_file_of_variables_is_read_or_named(
    tmp_path: Path, content: bytes, says: str | None
) -> None:
    (tmp_path / ".env").write_bytes(content)
    if says is None:
        assert load({}, root=tmp_path).symbols == ("BTC",)
        return
    with pytest.raises(SettingError, match=says) as error:
        load({}, root=tmp_path)
    assert str(tmp_path / ".env") in str(error.value)
    assert "T0KEN" not in str(error.value)


def test_a_file_of_variables_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(SettingError, match=r"\.env is a folder"):
        load({}, root=tmp_path)
    (tmp_path / ".env").rmdir()
    os.mkfifo(tmp_path / ".env")
    with pytest.raises(SettingError, match=r"\.env is no regular file"):
        load({}, root=tmp_path)
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SettingError, match=r"\.env leads to a file that is not there"):
        load({}, root=tmp_path)


def test_a_file_of_variables_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("MARKET_SYMBOLS=BTC\n")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(SettingError, match=r"\.env cannot be read: Permission denied"):
        load({}, root=tmp_path)


def test_users_of_proxies_are_secrets_in_the_shell_and_in_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ALL_PROXY=socks5://me:F1LEPASS@proxy:1080\n")
    found = load({"ftp_proxy": "you:SHELLPA%53S@proxy:21"}, root=tmp_path)
    assert {"F1LEPASS", "me:F1LEPASS", "SHELLPA%53S", "SHELLPASS"} <= set(found.secrets)
    assert found.proxies.for_url("https://v.example") == "socks5h://me:F1LEPASS@proxy:1080"
    assert "F1LEPASS" not in repr(found)
    shell = load({"all_proxy": "", "MARKET_SYMBOLS": "BTC"}, root=tmp_path)
    assert shell.proxies.for_url("https://v.example") is None


@pytest.mark.parametrize(
    ("name", "said", "least"),
    [
        ("MARKET_KEEP_CANDLES_1M_HOURS", "23.9", 24),
        ("MARKET_KEEP_CANDLES_1H_HOURS", "10", 37),
        ("MARKET_KEEP_CONTEXTS_HOURS", "24", 25),
        ("MARKET_KEEP_FUNDING_RATES_HOURS", "168", 172),
        ("MARKET_KEEP_CLOSED_MARKETS_HOURS", "24", 240),
    ],
)
def test_rows_are_kept_for_as_long_as_others_are_computed_from_them(
    name: str, said: str, least: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A shorter retention is raised, and that is told in one line, once."""
    project._tell.cache_clear()
    for _ in range(3):
        assert settings.load({name: said}).retention[name] == timedelta(hours=least)
    [line] = [record.getMessage() for record in caplog.records]
    assert f"{name} is {said}" in line
    assert f"{least} hours" in line
    caplog.clear()
    longer = settings.load({name: str(least + 1)}).retention[name]
    assert longer == timedelta(hours=least + 1)
    assert not caplog.records


@pytest.mark.parametrize(
    ("said", "kept"), [("", FOR_EVER), ("0", FOR_EVER), ("4320", timedelta(days=180))]
)
def test_what_has_no_retention_by_default_is_kept_for_ever(said: str, kept: timedelta) -> None:
    for name in ("MARKET_KEEP_CLOSED_MARKETS_HOURS", "MARKET_KEEP_POLYMARKET_TRADES_HOURS"):
        assert settings.load({name: said}).retention[name] == kept


def test_what_has_a_retention_by_default_cannot_be_kept_for_no_time() -> None:
    with pytest.raises(SettingError, match=r"MARKET_KEEP_MIDS_HOURS is 0; it may be 0\.1"):
        settings.load({"MARKET_KEEP_MIDS_HOURS": "0"})


def test_a_database_that_is_a_link_is_the_file_that_it_leads_to(tmp_path: Path) -> None:
    """The published file is replaced by rename: the link would be, and the file would stay old."""
    there = tmp_path / "disk" / "market.duckdb"
    (tmp_path / "market.duckdb").symlink_to(there)
    assert load({"MARKET_DB": "market.duckdb"}, tmp_path).market_db == there


@pytest.mark.parametrize(
    ("said", "polled"), [("on", set()), ("off", {"polymarket"}), ("OFF", {"polymarket"})]
)
def test_books_may_be_polled(tmp_path: Path, said: str, polled: set[str]) -> None:
    found = settings.load({"MARKET_BOOKS_STREAM": said}, root=tmp_path)
    assert found.sources.polled == polled


def test_a_stream_of_books_is_on_or_off(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="MARKET_BOOKS_STREAM is 'maybe'; on or off"):
        settings.load({"MARKET_BOOKS_STREAM": "maybe"}, root=tmp_path)

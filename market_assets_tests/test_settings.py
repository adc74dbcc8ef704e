"""Settings: defaults, precedence, and errors that name the variable."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from market_assets import settings
from market_assets.setting_values import SettingError
from market_assets.settings import load

ROOT = Path(__file__).resolve().parent.parent


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
    ],
)
def test_a_bad_value_is_an_error_that_names_the_variable(
    tmp_path: Path, name: str, value: str, says: str
) -> None:
    with pytest.raises(SettingError, match=name) as caught:
        load({name: value}, root=tmp_path)
    assert says in str(caught.value)


def test_simulated_venues_that_are_up_are_used_by_other_shells(tmp_path: Path) -> None:
    """And those of a process that is gone are not."""
    file = settings.endpoints_file(tmp_path / "data" / "market.duckdb")
    file.parent.mkdir(parents=True)
    said = {"HYPERLIQUID_API_URL": "http://127.0.0.1:1", "PATH": "/evil"}
    file.write_text(json.dumps({"pid": os.getpid(), "environment": said}))
    assert load({}, root=tmp_path).hyperliquid_api_url == "http://127.0.0.1:1"
    shell = {"HYPERLIQUID_API_URL": "http://127.0.0.1:2"}
    assert load(shell, root=tmp_path).hyperliquid_api_url == "http://127.0.0.1:2"
    file.write_text(json.dumps({"pid": 2**22 + 1, "environment": said}))
    assert load({}, root=tmp_path).hyperliquid_api_url == "https://api.hyperliquid.xyz"
    file.write_text("{")
    assert load({}, root=tmp_path).hyperliquid_api_url == "https://api.hyperliquid.xyz"


def test_env_example_lists_every_variable() -> None:
    assert (ROOT / ".env.example").read_text("utf-8") == settings.env_example()


def test_env_example_works_as_it_stands(tmp_path: Path) -> None:
    """Copied to .env it changes nothing, and a value from the shell still wins in Dagster too."""
    (tmp_path / ".env").write_text(settings.env_example())
    assert load({}, root=tmp_path) == load({}, root=tmp_path)
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

"""`stream` as a user types it: what it brings, what it says without a venue, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from market_assets.streams.core.state import STATE_FILE, read_json
from market_assets_tests.cli.commands import Streaming, run
from market_assets_tests.simulated import Simulated
from market_assets_tests.waiting import until


def has_healed(account: Path) -> bool:
    """All series that were found at the start have been read from REST."""
    healing = (read_json(account) or {}).get("healing")
    assert healing is None or isinstance(healing, dict)
    return bool(healing) and 0 < healing["total"] == healing["done"]


def test_a_stream_without_a_venue_fails(env: dict[str, str]) -> None:
    away = {"HYPERLIQUID_API_URL": "http://127.0.0.1:9", "HYPERLIQUID_WS_URL": "ws://127.0.0.1:9"}
    done = run(env | away, "stream", "hyperliquid", "--duration", "2")
    assert done.returncode == 1
    assert "nothing came from ws://127.0.0.1:9" in done.stderr


def test_a_stream_whose_socket_never_opens_fails_although_rest_brings_rows(
    env: dict[str, str], venue: Simulated
) -> None:
    env |= venue.environment | {"HYPERLIQUID_WS_URL": "ws://127.0.0.1:9/ws", "LOG_LEVEL": "info"}
    streaming = Streaming(env)
    streaming.until("ConnectionRefusedError")
    done = streaming.ctrl_c()
    assert done.returncode == 1
    assert "ConnectionRefusedError" in done.stderr.splitlines()[-1]
    assert "nothing came from ws://127.0.0.1:9/ws (BTC, ETH)" in done.stderr
    assert "Traceback" not in done.stderr


def test_stream_maintain_and_publish_without_dagster(env: dict[str, str], venue: Simulated) -> None:
    """What the stream received is published when it returns; a second one is refused."""
    env |= venue.environment | {"MARKET_FLUSH_SECONDS": "0.5"}
    first = Streaming(env)
    first.until("hyperliquid_mid_prices: +")
    account = Path(env["MARKET_DB"]).parent / "live" / STATE_FILE
    until(lambda: has_healed(account), "healed")
    second = run(env, "stream", "hyperliquid", "--duration", "5")
    done = first.ctrl_c()
    assert (done.returncode, second.returncode) == (0, 1), done.stderr
    assert "streams already" in second.stderr
    assert f"published {env['MARKET_DB']}" in done.stdout
    maintained = run(env, "maintain")
    assert "rolled up" in maintained.stdout
    assert run(env, "publish").returncode == 0
    with duckdb.connect(env["MARKET_DB"], read_only=True) as connection:
        symbols = connection.execute(
            "select symbol, count(*) > 0 from hyperliquid_candles group by symbol order by symbol"
        ).fetchall()
        mids = connection.execute("select count(distinct symbol) from hyperliquid_mid_prices")
        assert symbols == [("BTC", True), ("ETH", True)]
        assert mids.fetchall() == [(2,)]


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_user_of_a_proxy_is_shown_nowhere(
    env: dict[str, str], venue: Simulated, form: str
) -> None:
    """REST works, and the proxy of the sockets refuses."""
    env |= venue.environment | {
        "HTTPS_PROXY": "user:s3cr3t@127.0.0.1:9",
        "HYPERLIQUID_WS_URL": "wss://venue.invalid/ws",
        "LOG_FORMAT": form,
        "LOG_LEVEL": "debug",
    }
    streaming = Streaming(env)
    streaming.until("no connection")
    done = streaming.ctrl_c()
    assert done.returncode == 1
    assert "s3cr3t" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr

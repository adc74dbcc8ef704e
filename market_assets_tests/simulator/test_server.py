"""The simulator as a process: where it listens, what it says, how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from market_assets_tests.simulated import simulated
from market_simulator.config import SimulatorConfig
from market_simulator.faults import BadFault
from market_simulator.hyperliquid.synthetic.universe import Size
from market_simulator.server import environment, serve

AT = datetime(2026, 11, 20, 15, 2, 30, tzinfo=UTC)


def test_the_environment_names_only_what_is_simulated() -> None:
    """Venues that are not simulated keep their own addresses."""
    assert environment(8787) == {
        "HYPERLIQUID_API_URL": "http://127.0.0.1:8787",
        "HYPERLIQUID_WS_URL": "ws://127.0.0.1:8787/ws",
        "POLYMARKET_GAMMA_URL": "http://127.0.0.1:8787/polymarket/gamma",
        "POLYMARKET_DATA_URL": "http://127.0.0.1:8787/polymarket/data",
        "POLYMARKET_CLOB_URL": "http://127.0.0.1:8787/polymarket/clob",
        "POLYMARKET_WS_URL": "ws://127.0.0.1:8787/polymarket/ws/market",
        "DEFILLAMA_API_URL": "http://127.0.0.1:8787/defillama/api",
        "DEFILLAMA_STABLECOINS_URL": "http://127.0.0.1:8787/defillama/stablecoins",
        "DEFILLAMA_COINS_URL": "http://127.0.0.1:8787/defillama/coins",
    }


def test_a_port_in_use_is_an_error() -> None:
    """An OSError, before anything is served."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            serve(SimulatorConfig(port=port, size=Size(main=1)), on_ready=lambda _: None)


def test_a_fault_that_cannot_be_is_an_error() -> None:
    """Before anything is served."""
    with pytest.raises(BadFault, match="unknown fault"):
        serve(SimulatorConfig(port=0, faults=("meteor",)), on_ready=lambda _: None)


def test_a_process_answers_and_ends_on_a_signal() -> None:
    """SIGINT and SIGTERM end it with nothing left."""
    script = (
        "from market_simulator.config import SimulatorConfig\n"
        "from market_simulator.server import serve\n"
        "from market_simulator.hyperliquid.synthetic.universe import Size\n"
        "serve(SimulatorConfig(port=0, size=Size(main=1, builder=0, spot=1)),"
        " on_ready=lambda at: print(at.port, at.environment['HYPERLIQUID_API_URL'], flush=True))"
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            port, url = child.stdout.readline().split()
            assert url == f"http://127.0.0.1:{port}"
            child.send_signal(number)
            child.wait(10)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port)), 1).close()


def test_two_simulators_with_one_seed_say_the_same() -> None:
    """One in this process, one in its own: the same candles of the same hour."""
    with (
        simulated(main=2, builder=0, spot=1, seed=9, start=AT) as here,
        simulated(main=2, builder=0, spot=1, seed=9, start=AT, process=True) as there,
    ):
        now = here.now_ms()
        span = ("BTC", "1m", now - 3_600_000, now - 60_000)
        assert here.truth(*span) == there.truth(*span)
        assert here.info(type="meta") == there.info(type="meta")

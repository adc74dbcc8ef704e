"""A running simulator for tests: real HTTP and WebSocket on a free loopback port.

    with simulated(main=8, builder=4, spot=4) as venue:
        client = HyperliquidClient(venue.url)
        venue.control(name="drop")

It runs in a thread by default; `process=True` starts it as a process of its own, for tests that
must not share the interpreter with it.

Polymarket is there too, with its three APIs below `gamma_url`, `data_url` and `clob_url`, and the
market channel at `channel_url`:

    with simulated(main=1, builder=0, spot=1, events=40, trades_per_minute=3000) as venue:
        GammaClient(venue.gamma_url); DataClient(venue.data_url)
        venue.control(name="http_429", path="/trades", count=3, retry_after=0.1)
        venue.control(name="empty_page", path="/events/keyset", count=1)
        venue.trades(start_s, end_s, min_usd=1000)      # exactly what the feed shows by now
        venue.markets()                                 # how the markets of open events really are
        venue.control(name="lost", channel="price_change", one_in=50)
        venue.control(name="no_snapshot", count=3)
        venue.stream()                                  # which faults struck which frames, and more
        venue.books(*tokens)                            # the books that the channel must lead to
        venue.change_tick(condition_id, "0.001")        # with the next step of 5 seconds
        venue.resolve_market(condition_id)

`PolymarketSize(book_changes=6)` makes every book change six times a second: 2,300 frames a second
for 400 tokens, with all that comes beside the changes, for a quarter of a core.

`speed=0` stops the venues' clock and `jump` moves it, so that a test can say what time it is; no
request limit is freed then, which `polymarket_limits=PolymarketLimits(scale=100)` makes up for.
Late trades and traps come from `polymarket_size=PolymarketSize(…)`, whose docstring names them.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from market_simulator.config import SimulatorConfig
from market_simulator.hyperliquid.limits import Limits
from market_simulator.hyperliquid.synthetic.universe import Size
from market_simulator.polymarket.size import PolymarketSize
from market_simulator.server import Listening, Simulator, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START_S = 20.0
OK = 200


@dataclass
class Simulated:
    """Where it runs and how to steer it."""

    url: str
    ws_url: str
    environment: dict[str, str]
    simulator: Simulator | None = None
    _end: Callable[[], None] = field(default=lambda: None, repr=False)

    def control(self, **fault: object) -> dict[str, Any]:
        """Put a fault in force: `control(name="http_500", type="meta", count=2)`."""
        return self.post("faults", fault)

    def clear(self, name: str | None = None) -> None:
        """Remove the faults of that name, or all."""
        self._call("DELETE", f"/__control__/faults{f'?name={name}' if name else ''}")

    def stats(self) -> dict[str, Any]:
        """What went over the wire."""
        return self._call("GET", "/__control__/stats")

    def truth(self, coin: str, interval: str, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
        """The candles as they should be."""
        query = {"coin": coin, "interval": interval, "from": start_ms, "to": end_ms}
        return self._call("GET", f"/__control__/truth?{urlencode(query)}")

    @property
    def gamma_url(self) -> str:
        return self.environment["POLYMARKET_GAMMA_URL"]

    @property
    def data_url(self) -> str:
        return self.environment["POLYMARKET_DATA_URL"]

    @property
    def clob_url(self) -> str:
        return self.environment["POLYMARKET_CLOB_URL"]

    @property
    def channel_url(self) -> str:
        return self.environment["POLYMARKET_WS_URL"]

    def stream(self) -> dict[str, Any]:
        """What Polymarket's market channel has done, and which faults struck which frames."""
        found: dict[str, Any] = self._call("GET", "/__control__/polymarket/stream")
        return found

    def books(self, *tokens: str, at_ms: int | None = None) -> list[dict[str, Any]]:
        """Polymarket's books as they are, or as they were within the running five minutes."""
        query = {"kind": "books", "token_ids": ",".join(tokens)}
        query |= {} if at_ms is None else {"at_ms": str(at_ms)}
        return self._call("GET", f"/__control__/polymarket/truth?{urlencode(query)}")

    def change_tick(self, condition_id: str, tick: str) -> None:
        """Give a market of Polymarket a finer tick, from the next step of prices on."""
        body = {"action": "tick", "condition_id": condition_id, "tick_size": tick}
        self.post("polymarket/market", body)

    def resolve_market(self, condition_id: str) -> None:
        """Let a market of Polymarket be closed and resolved."""
        self.post("polymarket/market", {"action": "resolve", "condition_id": condition_id})

    def trades(self, start_s: int, end_s: int, *, min_usd: float = 0) -> list[dict[str, Any]]:
        """Polymarket's fills with a timestamp in [start, end] that its feed shows by now."""
        query = {"kind": "trades", "from": start_s, "to": end_s, "min_usd": min_usd}
        return self._call("GET", f"/__control__/polymarket/truth?{urlencode(query)}")

    def markets(self, *condition_ids: str) -> list[dict[str, Any]]:
        """Polymarket's markets as they are: those named, or all of the open events."""
        query = {"kind": "markets", "condition_ids": ",".join(condition_ids)}
        return self._call("GET", f"/__control__/polymarket/truth?{urlencode(query)}")

    def list_asset(self, coin: str, **more: object) -> None:
        """List a new perpetual now."""
        self.post("listing", {"action": "list", "coin": coin, **more})

    def delist(self, coin: str) -> None:
        self.post("listing", {"action": "delist", "coin": coin})

    def relist(self, coin: str) -> None:
        self.post("listing", {"action": "relist", "coin": coin})

    def remove(self, coin: str) -> None:
        """Take an asset, or a builder's dex with all of its assets, out of every list."""
        self.post("listing", {"action": "remove", "coin": coin})

    def restore(self, coin: str) -> None:
        """Undo `remove`."""
        self.post("listing", {"action": "restore", "coin": coin})

    def remove_market(self, name: str) -> None:
        """Take an event (by its id) or a market (by its condition id) of Polymarket back."""
        self.post("polymarket/listing", {"action": "remove", "id": name})

    def restore_market(self, name: str) -> None:
        """Undo `remove_market`."""
        self.post("polymarket/listing", {"action": "restore", "id": name})

    def jump(self, seconds: float) -> None:
        """Set the venue's clock."""
        self.post("clock", {"jump_s": seconds})

    def now_ms(self) -> int:
        """The venue's present."""
        return int(self.stats()["venue_time_ms"])

    def post(self, route: str, body: object) -> dict[str, Any]:
        """POST to a control route."""
        return self._call("POST", f"/__control__/{route}", body)

    def info(self, **request: object) -> Any:
        """The decoded answer of `POST /info`."""
        return self._call("POST", "/info", request)

    def stop(self) -> None:
        """End it now; the context manager does so too."""
        self._end()

    def _call(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer; no proxy in between. Raises AssertionError for a status but 200."""
        with closing(HTTPConnection(urlsplit(self.url).netloc, timeout=30)) as connection:
            headers = {"Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        assert answer.status == OK, f"{method} {path}: {answer.status} {content[:200]!r}"
        return json.loads(content)


@contextmanager
def simulated(
    *,
    main: int = 8,
    builder: int = 4,
    spot: int = 4,
    rate: float = 1.0,
    process: bool = False,
    limits: Limits | None = None,
    events: int = 40,
    trades_per_minute: float = 120.0,
    **config: Any,
) -> Iterator[Simulated]:
    """A simulator, small by default: `main`, `builder` and `spot` say how much is listed live.

    Args:
        main: live perpetuals of the main dex; 38 delisted ones come on top.
        builder: live perpetuals of builder dexs.
        spot: spot pairs; the first two are PURR/USDC and @107.
        rate: multiplier of trading activity.
        process: run it as a process of its own.
        limits: what one address may do; by default what the exchange allows.
        events: open events of Polymarket, with about three markets each.
        trades_per_minute: orders a minute there; one in thirty is about 1000 USD and more.
        **config: other fields of `SimulatorConfig`.
    """
    made = SimulatorConfig(
        port=0,
        size=Size(main=main, builder=builder, spot=spot, rate=rate),
        limits=limits or Limits(connects_per_minute=1000),
        **{
            "polymarket_size": PolymarketSize(events=events, trades_per_minute=trades_per_minute),
            **config,
        },
    )
    start = _in_process if process else _in_thread
    running = start(made)
    try:
        yield running
    finally:
        running.stop()


def _in_thread(config: SimulatorConfig) -> Simulated:
    simulator = Simulator(config)
    ready = threading.Event()
    heard: list[Listening] = []
    failed: list[BaseException] = []

    def on_ready(listening: Listening) -> None:
        heard.append(listening)
        ready.set()

    def run() -> None:
        try:
            asyncio.run(simulator.run(on_ready))
        except BaseException as error:  # noqa: BLE001 - handed to the test below
            failed.append(error)
        ready.set()

    thread = threading.Thread(target=run, name="simulator", daemon=True)
    thread.start()
    assert ready.wait(START_S), "the simulator did not start"
    if failed:
        raise failed[0]

    def end() -> None:
        simulator.stop()
        thread.join(START_S)
        assert not thread.is_alive(), "the simulator did not stop"
        if failed:
            raise failed[0]

    return _simulated(heard[0].port, simulator, end)


def _in_process(config: SimulatorConfig) -> Simulated:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, pickle.dumps(config).hex()],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    port = child.stdout.readline().strip()
    assert port.isdigit(), "the simulator did not start"

    def end() -> None:
        child.terminate()
        child.wait(START_S)
        if child.stdout:
            child.stdout.close()

    return _simulated(int(port), None, end)


def _simulated(port: int, simulator: Simulator | None, end: Callable[[], None]) -> Simulated:
    variables = environment(port)
    return Simulated(
        url=variables["HYPERLIQUID_API_URL"],
        ws_url=variables["HYPERLIQUID_WS_URL"],
        environment=variables,
        simulator=simulator,
        _end=end,
    )


_CHILD = """
import pickle, sys
from market_simulator.polymarket.size import PolymarketSize
from market_simulator.server import serve
config = pickle.loads(bytes.fromhex(sys.argv[1]))
serve(config, on_ready=lambda at: print(at.port, flush=True))
"""
"""What a simulator of its own process runs."""

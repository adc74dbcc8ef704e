"""An incident on demand: a venue that breaks, and a receiver of the alerts about it.

The receiver is what stands behind `ALERT_WEBHOOK_URL`: an HTTP server on loopback that keeps what
is posted. The venue is the simulated one, told by its control route to answer 502.
"""

from __future__ import annotations

import json
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE, CHANNEL = "polymarket", "trades"
"""What breaks. It is due each minute, and the alert comes after about seven: a run that asks again
and again is `running`, not `failed`, until the channel is past its window of six."""
_FAULT: Final = {"name": "http_502", "venue": SOURCE, "path": "/trades"}


class Received:
    """What was posted, in order."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._messages: list[dict[str, Any]] = []
        self._changed = threading.Condition()

    def add(self, message: dict[str, Any]) -> None:
        """Keep one more."""
        with self._changed:
            self._messages.append(message)
            self._changed.notify_all()

    def wait_for(self, event: str, *, patience_s: float = 900) -> dict[str, Any]:
        """The newest message of this kind about the incident, once there is one.

        Args:
            event: alert or recovery.
            patience_s: the script ends where nothing has come by then.
        """

        def found() -> dict[str, Any] | None:
            wanted = (event, SOURCE, CHANNEL)
            return next(
                (
                    one
                    for one in reversed(self._messages)
                    if (one["event"], one["source"], one["channel"]) == wanted
                ),
                None,
            )

        with self._changed:
            message = self._changed.wait_for(found, patience_s)
        if message is None:
            sys.exit(f"no {event} about {SOURCE}/{CHANNEL} within {patience_s:.0f} s")
        return message


@contextmanager
def webhook() -> Iterator[Received]:
    """A receiver on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.add(json.loads(body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the system's own log shows what was sent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Received(f"http://127.0.0.1:{server.server_port}/alerts")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def broken_venue(simulator: str) -> Iterator[None]:
    """The venue answers 502 while the block runs.

    Args:
        simulator: its base URL.
    """
    faults = f"{simulator}/__control__/faults"
    httpx.post(faults, json=_FAULT, trust_env=False).raise_for_status()
    try:
        yield
    finally:
        httpx.delete(faults, trust_env=False).raise_for_status()

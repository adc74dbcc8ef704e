"""A real HTTP server on loopback that answers as a test tells it to, well or badly."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes:
        status: the HTTP status.
        body: what is sent; anything but bytes as JSON.
        headers: besides Content-Type and Content-Length.
        cut: promise the whole body, send half of it and hang up.
        hang: send nothing until the test ends.
        drip: send the body byte by byte, until the client has had enough.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    hang: bool = False
    drip: bool = False

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Server:
    """The server as a test sees it.

    Attributes:
        url: its address.
        replies: answers in order; when they are used up, `default` answers.
        default: makes an answer out of a request's decoded body.
        route: makes it out of the path with its query, and the body; in place of `default`.
        requests: (path, decoded body) in order of arrival.
    """

    url: str = ""
    replies: deque[Reply] = field(default_factory=deque)
    default: Callable[[Any], Reply] = lambda _request: Reply(body=[])
    route: Callable[[str, Any], Reply] | None = None
    requests: list[tuple[str, Any]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """A server for the time of a test."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer takes 40 ms

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self._answer(json.loads(self.rfile.read(length)))

        def do_GET(self) -> None:
            self._answer(None)

        def _answer(self, request: Any) -> None:
            server.requests.append((self.path, request))
            try:
                reply = server.replies.popleft()
            except IndexError:  # asking first would race with another request
                route = server.route
                reply = server.default(request) if route is None else route(self.path, request)
            if reply.hang:
                server.over.wait(30)
                self.close_connection = True
                return
            content = reply.content
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if reply.cut:
                content = content[: len(content) // 2]
                self.close_connection = True
            with contextlib.suppress(ConnectionError):
                if reply.drip:
                    for byte in content:
                        self.wfile.write(bytes([byte]))
                        if server.over.wait(0.02):
                            return
                else:
                    self.wfile.write(content)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    class Listener(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_args: Any) -> None:
            """A client that hangs up is no trouble here."""

    with Listener(("127.0.0.1", 0), Handler) as listener:
        server.url = f"http://127.0.0.1:{listener.server_address[1]}"
        thread = threading.Thread(
            target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            listener.shutdown()
            thread.join()

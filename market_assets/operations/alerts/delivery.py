"""Sending messages: in order, each until it has arrived, never for long, never with the address.

What could not be sent waits in the outbox, which is kept with the rest of the alerts' state. A
webhook that is down is asked again after 30 seconds, then 60, up to every quarter of an hour; one
call of `deliver` takes a bounded time whatever the other side does. The address is a secret: no
error, log line or state holds any of it.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, NamedTuple

from python_socks import ProxyError

from market_assets.clock import SystemClock
from market_assets.http_headers import retry_after
from market_assets.operations.alerts.policy import Message  # noqa: TC001 - msgspec reads the annotation
from market_assets.proxies import Proxies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LOG = logging.getLogger(__name__)

POST_S: Final = 5.0
"""How long one attempt takes at most, from the look-up of the name to the answer."""
BUDGET_S: Final = 10.0
"""No attempt is begun later than this in one call."""
FIRST_DELAY: Final = timedelta(seconds=30)
LONGEST_DELAY: Final = timedelta(minutes=15)
MOST_WAITING: Final = 100
"""Messages that wait; beyond it the oldest is given up, and that is logged."""
_REFUSALS: Final = 3
"""A message that the receiver calls malformed so often is given up: it would block the others."""
_LATE: Final = "no answer within {:.3g} s"
_MALFORMED: Final = frozenset({400, 413, 422})


class Answer(NamedTuple):
    """What came of one attempt.

    Attributes:
        status: the HTTP status; None if there was no answer.
        reason: why it did not arrive, without the address; '' if it did.
        retry_after_s: how long the receiver wants to be left alone.
    """

    status: int | None
    reason: str
    retry_after_s: float = 0.0

    @property
    def arrived(self) -> bool:
        return not self.reason


@dataclass(frozen=True)
class Outbox:
    """Messages that are not sent yet.

    Attributes:
        waiting: oldest first.
        failures: attempts in a row that failed.
        next_try_at: nothing is tried before this.
        last_failure: why the last attempt failed.
        refusals: how often the receiver has called the first one malformed.
    """

    waiting: tuple[Message, ...] = ()
    failures: int = 0
    next_try_at: datetime | None = None
    last_failure: str = ""
    refusals: int = 0

    def with_more(self, messages: Sequence[Message]) -> Outbox:
        """These too; the oldest of too many are given up."""
        waiting = (*self.waiting, *messages)
        for lost in waiting[:-MOST_WAITING]:
            _LOG.error("alert given up, %s wait: %s", MOST_WAITING, lost.problem.title)
        return replace(self, waiting=waiting[-MOST_WAITING:])


def deliver(
    outbox: Outbox,
    post: Callable[[Message], Answer],
    now: datetime,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> Outbox:
    """Send what waits, as far as the receiver takes it and time allows.

    Args:
        outbox: what waits.
        post: sends one message.
        now: when this is.
        monotonic: measures how long it takes, in seconds.
    """
    if not outbox.waiting or _too_early(outbox, now):
        return outbox
    began = monotonic()
    while outbox.waiting and monotonic() - began < BUDGET_S:
        message = outbox.waiting[0]
        answer = post(message)
        if not answer.arrived:
            return _put_off(outbox, answer, now)
        _LOG.info("alert sent: %s %s", message.kind, message.problem.title)
        outbox = Outbox(waiting=outbox.waiting[1:])
    return outbox


def http_post(
    url: str, content: bytes, now: datetime | None = None, *, proxies: Proxies | None = None
) -> Answer:
    """Post JSON, and wait `POST_S` for the answer, whatever the other side or the resolver does.

    Redirects are not followed: an address that moved is a wrong address.

    Args:
        url: where to.
        content: the JSON.
        now: what an answer's dates are counted from; by default the present.
        proxies: which of them leads to the receiver; None: it is reached directly.
    """
    now = now or SystemClock().now()
    proxy = (proxies or Proxies()).for_url(url)
    sockets: list[socket.socket] = []
    answers: SimpleQueue[Answer] = SimpleQueue()
    # A time-out of a socket is for each of its calls: who sends a header now and then outlives it.
    attempt = threading.Thread(
        target=lambda: answers.put(_attempt(url, content, now, sockets, proxy)), daemon=True
    )
    attempt.start()
    try:
        return answers.get(timeout=POST_S)
    except Empty:
        for opened in sockets:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)  # ends the attempt, and its thread
        return Answer(None, _LATE.format(POST_S))


def _attempt(
    url: str, content: bytes, now: datetime, sockets: list[socket.socket], proxy: str | None
) -> Answer:
    try:
        request = urllib.request.Request(  # noqa: S310 - settings let through http and https only
            url, data=content, headers={"Content-Type": "application/json"}, method="POST"
        )
        with _opener(sockets, proxy).open(request, timeout=POST_S) as answer:
            return Answer(int(answer.status), "")
    except urllib.error.HTTPError as error:
        error.close()
        wait = retry_after(error.headers.get("Retry-After"), now)
        return Answer(error.code, f"answered {error.code}", wait or 0.0)
    except urllib.error.URLError as error:
        return Answer(None, _told(error.reason))
    except (OSError, http.client.HTTPException, ValueError, ProxyError) as error:
        return Answer(None, _told(error))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Lets a 3xx be what it is: an answer that is not a success."""

    def redirect_request(self, *_args: object) -> None:
        return None


def _opener(sockets: list[socket.socket], proxy: str | None) -> urllib.request.OpenerDirector:
    """An opener that adds each socket that it opens to the list, so that it can be shut down."""
    socks = proxy is not None and proxy.startswith("socks")

    def through(host: str, port: int) -> socket.socket:
        from python_socks.sync import Proxy  # noqa: PLC0415 - where there is one

        address = str(proxy).replace("socks5h://", "socks5://")  # it knows the `h` by `rdns`
        return Proxy.from_url(address, rdns=True).connect(host, port, timeout=POST_S)

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            if socks:
                self.sock = through(self.host, self.port)
            else:
                super().connect()
            sockets.append(self.sock)

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            if socks:
                made = through(self.host, self.port)
                context = ssl.create_default_context()
                self.sock = context.wrap_socket(made, server_hostname=self.host)
            else:
                super().connect()
            sockets.append(self.sock)

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, req)

    asked = {} if proxy is None or socks else dict.fromkeys(("http", "https"), proxy)
    direct = urllib.request.ProxyHandler(asked)
    return urllib.request.build_opener(_NoRedirects, PlainHandler, SecureHandler, direct)


def _told(error: object) -> str:
    """What went wrong, in words that cannot hold the address: class, and the system's reason."""
    if isinstance(error, TimeoutError):
        return _LATE.format(POST_S)
    reason = getattr(error, "strerror", None)
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__


def _put_off(outbox: Outbox, answer: Answer, now: datetime) -> Outbox:
    failures = outbox.failures + 1
    refusals = outbox.refusals + (answer.status in _MALFORMED)
    if refusals >= _REFUSALS:
        _LOG.error(
            "alert given up, the receiver %s: %s", answer.reason, outbox.waiting[0].problem.title
        )
        return Outbox(waiting=outbox.waiting[1:])
    delay = min(FIRST_DELAY * 2 ** min(failures - 1, 10), LONGEST_DELAY)
    delay = min(max(delay, timedelta(seconds=answer.retry_after_s)), LONGEST_DELAY)
    _LOG.warning(
        "alerts not delivered: the webhook %s; %s wait, tried again in %.0f s",
        answer.reason,
        len(outbox.waiting),
        delay.total_seconds(),
    )
    return replace(
        outbox,
        failures=failures,
        next_try_at=now + delay,
        last_failure=answer.reason,
        refusals=refusals,
    )


def _too_early(outbox: Outbox, now: datetime) -> bool:
    """Whether to wait on; a time too far ahead is of a clock that has been set back since."""
    if outbox.next_try_at is None:
        return False
    return timedelta(0) < outbox.next_try_at - now <= LONGEST_DELAY

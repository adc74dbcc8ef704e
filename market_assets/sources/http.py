"""HTTP to a venue: what every source's client needs, and nothing that only one of them does.

One `httpx.Client` per transport, with the proxy that it is given. A request is charged to the
budget, sent, and sent again only where that may help: network errors, time-outs, 429, 5xx, bodies
that are no JSON (a gateway's HTML page, a cut answer). Everything is bounded: attempts, waits, the
time for a request in all, the size of a body.

Not here: what the answers mean (`decoding.py`, `wire.py` of each source), what a request weighs.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections import deque
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import httpx

from market_assets.clock import Clock, SystemClock
from market_assets.http_headers import retry_after
from market_assets.proxies import Proxies
from market_assets.sources.bodies import Collector, excerpt, is_whole
from market_assets.sources.errors import (
    NoClientError,
    VenueBusy,
    VenueError,
    VenueNonsense,
    VenueRejected,
    VenueUnavailable,
)
from market_assets.sources.limits import BudgetExhaustedError
from market_assets.sources.retry import RetryPolicy, Tries
from market_assets.sources.traffic import Traffic

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

    from market_assets.sources.bodies import Body
    from market_assets.sources.concurrency import AdaptiveLimit
    from market_assets.sources.limits import WeightBudget
    from market_assets.sources.traffic import TransportStats

_LOG = logging.getLogger(__name__)

_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = 500
_CLIENT_ERRORS: Final = 400
_PASSING_REFUSALS: Final = frozenset({408, 425})
"""Time-out of the request, and "too early": by their own definition they may pass."""
_OK: Final = 200
_SILENT_AFTER: Final = 2
"""Requests in a row without an answer that make a host a silent one."""


class _Retryable(Exception):  # noqa: N818 - it carries an error, it is none
    """An attempt failed in a way that may pass; `after` is how long the venue asks to wait."""

    def __init__(self, error: VenueError, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes 25 ms, and a source has a transport per host."""
    return httpx.create_ssl_context()


def _client(base_url: str, timeout: float, proxies: Proxies) -> httpx.Client:
    """Connections to one address. Nothing is read from the environment here: `Proxies` was.

    Raises:
        NoClientError: the libraries cannot do what they were told.
    """
    address = proxies.for_url(base_url)
    try:
        # A proxy that is itself reached over TLS is judged by the same certificates as a venue.
        by_tls = address is not None and address.startswith("https://")
        return httpx.Client(
            timeout=timeout,
            proxy=httpx.Proxy(address, ssl_context=_certificates() if by_tls else None)
            if address is not None
            else None,
            trust_env=False,
            verify=_certificates(),
            headers={"User-Agent": "market_assets"},
        )
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        raise NoClientError(f"no client for {base_url}: {type(error).__name__} {error}") from error


class HttpTransport:
    """Requests to one venue that end in a whole JSON body or in one `VenueError`. Thread-safe."""

    def __init__(
        self,
        base_url: str,
        venue: str,
        *,
        budget: WeightBudget | None = None,
        user: str = "runs",
        limit: AdaptiveLimit | None = None,
        timeout: float = 10.0,
        max_body: int = 64_000_000,
        proxies: Proxies | None = None,
        retry: RetryPolicy | None = None,
        clock: Clock | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Make a transport.

        Args:
            base_url: what the venue's own paths are appended to.
            venue: its name, for errors and logs.
            budget: what a request's weight is taken from; None: no limit.
            user: on whose account, for the budget's reserves.
            limit: is told of each 429, of those too that are retried; the caller observes it.
            timeout: seconds for connecting, and for each pause in an answer.
            max_body: bytes that a decompressed body may have.
            proxies: which of them leads to the venue; None: it is reached directly.
            retry: when to ask again.
            clock: for the deadline.
            sleep: how to wait between attempts.
            jitter: a number in [0, 1), drawn for each wait.
        """
        self.venue = venue
        self._base_url = base_url.rstrip("/")
        self._budget = budget
        self._user = user
        self._limit = limit
        self._timeout = timeout
        self._max_body = max_body
        self._retry = retry or RetryPolicy()
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._jitter = jitter
        for library in ("httpx", "httpcore"):  # they log whole addresses, queries and all
            logging.getLogger(library).setLevel(logging.WARNING)
        self._client = _client(self._base_url, timeout, proxies or Proxies())
        self._traffic = Traffic()
        self._failed: deque[str] = deque(maxlen=_SILENT_AFTER)
        """What the requests since the last answer ended with."""

    def post_json(
        self,
        path: str,
        payload: object,
        *,
        weight: int = 0,
        refusal: tuple[int, bytes] | None = None,
    ) -> bytes:
        """The body of the answer to a POST of `payload` as JSON.

        Args:
            path: what is appended to the base address.
            payload: the request.
            weight: what it costs of the budget.
            refusal: a 5xx status and body by which the venue refuses this very request, so that
                asking again is of no use.

        Raises:
            VenueError: of the class that says what went wrong (see `errors.py`).
        """
        content = json.dumps(payload, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"}
        return bytes(self._fetch("POST", path, weight, refusal, content=content, headers=headers))

    def get_json(
        self,
        path: str,
        params: Mapping[str, str | Sequence[str]] | None = None,
        *,
        weight: int = 0,
    ) -> bytes:
        """The body of the answer to a GET.

        Args:
            path: what is appended to the base address.
            params: the query; a parameter with several values is repeated.
            weight: what it costs of the budget.

        Raises:
            VenueError: of the class that says what went wrong (see `errors.py`).
        """
        return bytes(self._fetch("GET", path, weight, None, params=dict(params or {})))

    def get_large_json(self, path: str, *, weight: int = 0) -> Body:
        """The same for tens of megabytes: the body is collected on disk and mapped into memory."""
        return self._fetch("GET", path, weight, None, on_disk=True)

    def stats(self) -> TransportStats:
        """What this transport did so far."""
        limit = self._limit
        if limit is None:
            return self._traffic.stats()
        return self._traffic.stats(concurrency=limit.now, lowest_concurrency=limit.lowest)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _fetch(
        self,
        method: str,
        path: str,
        weight: int,
        refusal: tuple[int, bytes] | None,
        *,
        on_disk: bool = False,
        **request: Any,
    ) -> Body:
        where = f"{method} {path}"
        self._refuse_if_given_up(where)
        tries = Tries(self._retry, self._clock.monotonic, self._jitter)
        with tries.counted():
            while True:
                self._pay(weight, tries.left())
                began = self._clock.monotonic()
                try:
                    status, body, after = self._attempt(
                        method,
                        path,
                        tries.deadline,
                        on_disk=on_disk,
                        timeout=tries.timeout(self._timeout),
                        **request,
                    )
                    return self._judged(where, status, body, after, refusal)
                except _Retryable as failure:
                    delay = tries.delay(began, failure.after)
                    if delay is None:
                        self._failed.append(failure.error.message)
                        raise failure.error from failure.__cause__
                    _LOG.info("%s; asking again in %.1f s", failure.error, delay)
                    self._traffic.retry()
                    self._sleep(delay)

    def _refuse_if_given_up(self, where: str) -> None:
        """Of a host that has been silent for long, several times, no more is asked in this run.

        Raises:
            VenueUnavailable: so it is.
        """
        trouble = self._retry.trouble
        if trouble is None or len(self._failed) < _SILENT_AFTER:
            return
        if trouble.is_beyond(self._clock.monotonic()):
            raise VenueUnavailable(self.venue, f"{where}: not asked: {self._failed[-1]}")

    def _pay(self, weight: int, wait: float) -> None:
        if self._budget is None or weight == 0:
            return
        try:
            self._budget.spend(weight, self._user, wait=max(0.0, wait))
        except BudgetExhaustedError as error:
            raise VenueBusy(self.venue, str(error)) from error

    def _attempt(
        self, method: str, path: str, deadline: float, *, on_disk: bool, **request: Any
    ) -> tuple[int, Body, float | None]:
        """Send once: status, body, and the seconds that the venue asks to wait.

        Raises:
            _Retryable: there was no whole answer.
            VenueNonsense: the body is larger than any answer.
        """
        where = f"{method} {path}"
        try:
            with (
                closing(Collector(on_disk=on_disk)) as collector,
                self._client.stream(method, self._base_url + path, **request) as response,
            ):
                body = self._read(response, where, deadline, collector)
        except httpx.HTTPError as error:
            kind = type(error).__name__
            self._traffic.outcome(kind)
            message = f"{where}: {kind} {error}".strip()
            raise _Retryable(VenueUnavailable(self.venue, message)) from error
        self._traffic.outcome(str(response.status_code), len(body))
        return (
            response.status_code,
            body,
            retry_after(response.headers.get("Retry-After"), self._clock.now()),
        )

    def _read(
        self, response: httpx.Response, where: str, deadline: float, collector: Collector
    ) -> Body:
        for chunk in response.iter_bytes():
            collector.add(chunk)
            if collector.size > self._max_body:
                self._traffic.outcome("too large", collector.size)
                raise VenueNonsense(self.venue, f"{where}: a body over {self._max_body} bytes")
            if self._clock.monotonic() > deadline:
                raise httpx.ReadTimeout("the deadline passed while the body came")
        return collector.whole()

    def _judged(
        self,
        where: str,
        status: int,
        body: Body,
        after: float | None,
        refusal: tuple[int, bytes] | None,
    ) -> Body:
        """The body of a good answer.

        Raises:
            _Retryable: it may be good the next time.
            VenueRejected: it will not.
        """
        message = f"{where}: {status} {excerpt(body)}".rstrip()
        if status == _TOO_MANY:
            pause = self._retry.busy_delay if after is None else after
            if self._budget is not None:
                self._budget.blocked(pause)
            if self._limit is not None:
                self._limit.busy()
            raise _Retryable(VenueBusy(self.venue, message), pause)
        refused = refusal is not None and (status, body[:].strip()) == refusal
        if status < _SERVER_ERRORS:
            self._failed.clear()
        if refused or (
            _CLIENT_ERRORS <= status < _SERVER_ERRORS and status not in _PASSING_REFUSALS
        ):
            raise VenueRejected(self.venue, message, status)
        if status != _OK or not is_whole(body):
            # 5xx, 408, a redirect to a maintenance page, a gateway's HTML, a body that is cut.
            raise _Retryable(VenueUnavailable(self.venue, f"{message} is no answer", status), after)
        return body

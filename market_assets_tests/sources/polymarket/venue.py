"""What the tests of the clients share: clients that wait for nobody, and requests taken apart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from market_assets.clock import ManualClock
from market_assets.sources.polymarket.host import HostClient
from market_assets.sources.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_assets_tests.sources.http_server import Server

_Client = TypeVar("_Client", bound=HostClient)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Waits(list[float]):
    """Stands for sleeping: keeps what was asked for."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


class Connect:
    """Makes clients of one server that retry at once, at the time `NOW`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._made: list[HostClient] = []

    def __call__(self, kind: Callable[..., _Client], **options: Any) -> _Client:
        retries = RetryPolicy(first_delay=0.001, longest_delay=0.001, busy_delay=0.001)
        made = kind(
            self._url,
            **{"clock": ManualClock(NOW), "retries": retries, "sleep": Waits(), **options},
        )
        self._made.append(made)
        return made

    def close(self) -> None:
        """Close them all."""
        for made in self._made:
            made.close()


def asked(path: str) -> tuple[str, dict[str, list[str]]]:
    """The route of a request, and its query."""
    parts = urlsplit(path)
    return parts.path, parse_qs(parts.query)


def queries(server: Server) -> list[tuple[str, dict[str, list[str]]]]:
    """Every request so far."""
    return [asked(path) for path, _ in server.requests]

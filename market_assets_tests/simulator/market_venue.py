"""The simulated Polymarket as its tests see it: a venue whose clock only moves by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from market_assets_tests.simulated import Simulated, simulated
from market_simulator.polymarket.size import PolymarketLimits, PolymarketSize

AT = datetime(2026, 11, 20, 15, 2, 30, tzinfo=UTC)
NOW_S = int(AT.timestamp())
SIZE = PolymarketSize(events=60, trades_per_minute=600, broken_one_in=60, updown_days=1)
LATELY = {"end_date_min": "2026-11-20T14:00:00Z"}
"""Narrows lists of closed events to the last hour."""


class Api:
    """The venue's three APIs over HTTP."""

    def __init__(self, venue: Simulated) -> None:
        self.venue = venue
        self._http = httpx.Client(trust_env=False, timeout=30)

    def close(self) -> None:
        self._http.close()

    def gamma(self, path: str, **query: Any) -> httpx.Response:
        return self._http.get(f"{self.venue.gamma_url}{path}", params=query)

    def data(self, path: str, **query: Any) -> httpx.Response:
        return self._http.get(f"{self.venue.data_url}{path}", params=query)

    def clob(self, path: str, **query: Any) -> httpx.Response:
        return self._http.get(f"{self.venue.clob_url}{path}", params=query)

    def post(self, path: str, body: object) -> httpx.Response:
        """To the CLOB."""
        return self._http.post(f"{self.venue.clob_url}{path}", json=body)

    def walk(self, path: str, rows: str, **query: Any) -> list[dict[str, Any]]:
        """All rows of a list by cursor."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.gamma(path, limit=100, **query).json()
            found += page[rows]
            if "next_cursor" not in page:
                return found
            query["after_cursor"] = page["next_cursor"]

    def trades(self, **query: Any) -> list[dict[str, Any]]:
        answer = self.data("/trades", **query)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()
        return rows


@contextmanager
def polymarket(
    size: PolymarketSize = SIZE, limits: PolymarketLimits | None = None, **config: Any
) -> Iterator[Api]:
    """A venue at `AT`; its clock stands still unless told otherwise."""
    options = {"start": AT, "speed": 0.0, **config}
    limits = limits or PolymarketLimits()
    with simulated(
        main=1, builder=0, spot=1, polymarket_size=size, polymarket_limits=limits, **options
    ) as venue:
        api = Api(venue)
        try:
            yield api
        finally:
            api.close()

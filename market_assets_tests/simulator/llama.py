"""A small simulated DefiLlama, and what its tests ask of it again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from market_assets_tests.simulated import Simulated, simulated
from market_simulator.defillama.venue import Limits
from market_simulator.defillama.world import Size

AT = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
DAY_S = 86_400
TODAY_S = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())
RUN_S = int(datetime(2026, 11, 20, 14, 11, tzinfo=UTC).timestamp())
"""The newest hourly run before `AT`."""
LITE = {"excludeTotalDataChart": "true", "excludeTotalDataChartBreakdown": "true"}
SMALL = Size(chains=70, protocols=330, stablecoins=40)


@dataclass
class Llama:
    """The venue under test; answers are decoded."""

    simulated: Simulated
    client: httpx.Client

    def response(self, path: str, host: str = "api", **query: object) -> httpx.Response:
        return self.client.get(f"{self.simulated.url}/defillama/{host}{quote(path)}", params=query)

    def api(self, path: str, **query: object) -> Any:
        return self._good(self.response(path, **query))

    def stablecoins(self, path: str, **query: object) -> Any:
        return self._good(self.response(path, "stablecoins", **query))

    def coins(self, path: str, **query: object) -> Any:
        return self._good(self.response(path, "coins", **query))

    def truth(self, subject: str, metric: str) -> dict[str, Any]:
        query = urlencode({"subject": subject, "metric": metric})
        return self._good(
            self.client.get(f"{self.simulated.url}/__control__/defillama/truth?{query}")
        )

    @staticmethod
    def _good(response: httpx.Response) -> Any:
        assert response.status_code == 200, f"{response.url}: {response.text[:200]}"
        return response.json()


@contextmanager
def llama(size: Size = SMALL, start: datetime = AT, **config: Any) -> Iterator[Llama]:
    """The venue at half past two in the afternoon; its newest run was at eleven past."""
    config.setdefault("defillama_limits", Limits(requests_per_minute=10_000))
    made = simulated(main=1, builder=0, spot=1, start=start, defillama_size=size, **config)
    with made as running, httpx.Client(trust_env=False, timeout=30) as client:
        yield Llama(running, client)

"""The clean daily series behind the answers: what a complete and correct memory would hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from market_simulator.defillama.world import FIRST_DAY

if TYPE_CHECKING:
    from market_simulator.defillama.capital import Capital
    from market_simulator.defillama.flow_rows import FlowRows
    from market_simulator.defillama.peg_rows import PegRows

FLOWS: Final = {
    "fees": ("fees", "dailyFees"),
    "revenue": ("fees", "dailyRevenue"),
    "dex_volume": ("dexs", "dailyVolume"),
    "options_volume": ("options", "dailyNotionalVolume"),
    "open_interest": ("open-interest", "openInterestAtEnd"),
}
METRICS: Final = ("tvl", "stablecoin_mcap", *FLOWS)
_DAY_S: Final = 86_400


class Truth:
    """Daily series of one world's subjects."""

    def __init__(self, capital: Capital, flows: FlowRows, pegs: PegRows) -> None:
        self._capital = capital
        self._world = capital.world
        self._flows = flows
        self._pegs = pegs

    def of(self, subject: str, metric: str, hour: int) -> dict[str, Any]:
        """A subject's series: `complete` (Unix seconds of the day, US dollars) and `running`.

        Args:
            subject: `chain:{slug}` or `protocol:{slug}`.
            metric: one of `METRICS`.
            hour: of the newest run.

        Raises:
            KeyError: no such subject or metric, or that subject has no such metric.
        """
        kind, _, slug = subject.partition(":")
        if metric not in METRICS or kind not in ("chain", "protocol"):
            raise KeyError(f"{subject} {metric}; metrics: {', '.join(METRICS)}")
        if kind == "chain":
            points = self._of_chain(self._world.by_spelling[slug], metric, hour)
        else:
            points = self._of_protocol(slug, metric, hour)
        today = hour // 24 * _DAY_S
        return {
            "subject": subject,
            "metric": metric,
            "complete": [point for point in points if point[0] < today],
            "running": next((point for point in points if point[0] == today), None),
        }

    def _of_chain(self, place: int, metric: str, hour: int) -> list[tuple[int, float]]:
        chain = self._world.chains[place]
        if metric == "tvl":
            return _dated(FIRST_DAY, self._capital.history(hour)[place])
        if metric == "stablecoin_mcap":
            rows = self._pegs.chart(chain.in_pegs, None, hour)
            return [(int(row["date"]), sum(row["totalCirculatingUSD"].values())) for row in rows]
        kind, data_type = FLOWS[metric]
        return self._flows.chain_chart(kind, data_type, place, hour)

    def _of_protocol(self, slug: str, metric: str, hour: int) -> list[tuple[int, float]]:
        world, today = self._world, hour // 24
        places = [world.by_slug[slug]] if slug in world.by_slug else list(world.children[slug])
        if metric in FLOWS:
            return self._flows.daily(*FLOWS[metric], slug, hour)
        if metric != "tvl":
            raise KeyError(f"a protocol has no {metric}")
        first = int(min(self._capital.born_days[place] for place in places))
        hours = np.array([*(day * 24 for day in range(first, today)), hour])
        parts = [values for place in places for _, values in self._capital.on_chains(place, hours)]
        if not parts:
            raise KeyError(f"{slug} has no TVL")
        return _dated(first, np.sum(parts, axis=0))


def _dated(first_day: int, values: Any) -> list[tuple[int, float]]:
    return [
        ((first_day + n) * _DAY_S, float(value))
        for n, value in enumerate(values)
        if not np.isnan(value)
    ]

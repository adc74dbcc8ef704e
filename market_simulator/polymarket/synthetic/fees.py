"""What a market charges takers, as Gamma tells it: a schedule by category, as recorded in 2026.

Markets of other categories are without fees. Some say so, others say nothing; and of some that
charge fees the schedule is missing, as it is of markets from before there were schedules.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple


class _Schedule(NamedTuple):
    """A taker pays rate × price × (1 − price) a share, of which makers get a part back."""

    kind: str
    rate: float
    rebate: float


_SCHEDULES: Final = {
    "crypto": _Schedule("crypto_fees_v2", 0.07, 0.2),
    "politics": _Schedule("politics_fees", 0.04, 0.25),
    "sports": _Schedule("sports_fees_v2", 0.03, 0.25),
    "economics": _Schedule("economics_fees", 0.05, 0.25),
}
_SILENT_ONE_IN: Final = 3
_WITHOUT_SCHEDULE_ONE_IN: Final = 41


def told(category: str, key: int) -> dict[str, Any]:
    """The keys of a market's object that tell of its fees.

    Args:
        category: of the market's event.
        key: the market's; what is missing depends on it alone.
    """
    schedule = _SCHEDULES.get(category)
    if schedule is None:
        return {"feesEnabled": False} if key % _SILENT_ONE_IN else {}
    if key % _WITHOUT_SCHEDULE_ONE_IN == 0:
        return {"feesEnabled": True, "feeType": schedule.kind.removesuffix("_v2")}
    return {
        "feesEnabled": True,
        "feeType": schedule.kind,
        "feeSchedule": {
            "exponent": 1,
            "rate": schedule.rate,
            "takerOnly": True,
            "rebateRate": schedule.rebate,
        },
    }


def rate(category: str, key: int) -> float | None:
    """What a client can know of the rate: 0 where fees are off, None where nothing is said."""
    said = told(category, key)
    if said.get("feesEnabled") is False:
        return 0.0
    found: float | None = said.get("feeSchedule", {}).get("rate")
    return found

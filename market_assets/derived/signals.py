"""What Polymarket's signals are made from: one read of the store for all kinds.

Not here: what a signal is (`features/polymarket_signals/`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Final

from market_assets.features.polymarket_signals.cases import looked_back
from market_assets.features.polymarket_signals.events import SignalRows
from market_assets.features.polymarket_signals.trades import HOUR, LATE, WEEK

if TYPE_CHECKING:
    from market_assets.storage.api import Store

_LONGEST_PAUSE: Final = timedelta(days=1)
"""After a longer one, the trades of a day are judged."""
_BEFORE: Final = timedelta(minutes=15)
"""What was so long before the first score counts for it: books, mids and volatility."""
_LAST_RUN: Final = """
select max(started_at) as last_run_at
from ingestion_runs
where source = 'polymarket' and channel = 'signals' and status = 'ok' and started_at < $as_of
"""


def signal_rows(store: Store, as_of: datetime) -> SignalRows:
    """The rows that signals are made of at an instant, as the store has them.

    Args:
        store: the market database.
        as_of: now; what is of later is not read.
    """
    last_run_at: datetime | None = store.read(_LAST_RUN, {"as_of": as_of}).item()
    if last_run_at is not None:
        last_run_at = max(last_run_at, as_of - _LONGEST_PAUSE)
    begin = as_of - looked_back(as_of, last_run_at)
    lively_since = min(as_of - HOUR, as_of if last_run_at is None else last_run_at - LATE)
    since = {
        "metrics": begin - HOUR,
        "tops": begin - _BEFORE,
        "spreads": as_of - 24 * HOUR,
        "mids": begin - _BEFORE,
        "volatility": begin - _BEFORE,
    }
    asked: dict[str, tuple[str, dict[str, object]]] = {
        name: (_query(name), {"as_of": as_of, "since": at}) for name, at in since.items()
    }
    for name in ("heads", "links", "told"):
        asked[name] = (_query(name), {"as_of": as_of})
    asked["markets"] = (_query("markets"), {"as_of": as_of, "since": begin - _BEFORE})
    trades_since = min(lively_since, begin) - WEEK - HOUR
    asked["trades"] = (
        _query("trades"),
        {"as_of": as_of, "lively_since": lively_since, "since": trades_since},
    )
    return SignalRows(**store.read_together(asked), last_run_at=last_run_at)


def _query(name: str) -> str:
    file = resources.files(__package__).joinpath("sql", f"signal_{name}.sql")
    return file.read_text("utf-8")

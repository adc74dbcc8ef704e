"""From scores over time to signals: one for each case, and the same one for the same rows.

A case is a stretch of time in which a market's score is at its threshold or above. It is told once:
a market is told of again only if a score below the threshold has been seen since. That is read from
the signals that are stored and from the scores of the recent past, so a restart changes nothing.

Not here: what is measured (the other modules of this package), where rows are read from
(`derived/signal_inputs.py`).
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from market_assets.frames import conform, empty
from market_assets.tables import POLYMARKET_SIGNAL_EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

HISTORY: Final = timedelta(hours=1)
"""How far back scores are looked at for the end of a case, where a run has just been. A case that
was told of longer ago goes on if it has held for all of that time."""
LONGEST_HISTORY: Final = timedelta(hours=7)
"""The same after a pause of any length: so much of 400 books can be held in memory."""
DECIMALS: Final = 9
"""Scores are rounded to so many: five cents between two floats are five cents."""
INSTANT: Final = pl.Datetime("us", "UTC")
POINT: Final = {
    "condition_id": pl.String(),
    "token_id": pl.String(),
    "at": INSTANT,
    "score": pl.Float64(),
}
"""What scores of a kind have at least. Further columns are the `detail` of a signal; of them,
`symbol` goes to its own column, and `made_at` is the newest row's instant where that is not `at`.
"""
TOLD: Final = {
    "kind": pl.String(),
    "condition_id": pl.String(),
    "token_id": pl.String(),
    "told_at": INSTANT,
}
"""Signals that are stored: the newest `as_of` of each kind, market and token."""
_KEY: Final = ["condition_id", "token_id"]
_APART: Final = {*POINT, "symbol", "made_at"}


def looked_back(as_of: datetime, last_run_at: datetime | None) -> timedelta:
    """How far back scores are looked at: an hour before the last run, and seven hours at most.

    What happened while nobody looked ends a case as it would have otherwise.

    Args:
        as_of: now.
        last_run_at: when signals were last looked for; None: never.
    """
    pause = timedelta(0) if last_run_at is None else max(as_of - last_run_at, timedelta(0))
    return min(HISTORY + pause, LONGEST_HISTORY)


def rounded(score: pl.Expr) -> pl.Expr:
    """A score that can be held against a threshold; NULL where it is no finite number."""
    return pl.when(score.is_finite()).then(score.round(DECIMALS))


def signal_id(kind: str, condition_id: str, token_id: str | None, made_of: str) -> str:
    """The id of a signal: 32 hex digits of the SHA-256 of what identifies it.

    Args:
        kind: of the signal.
        condition_id: its market.
        token_id: its token; None where it is the market's.
        made_of: the instant of the newest row; of a large trade its key and its instant.
    """
    text = "\n".join((kind, condition_id, token_id or "", made_of))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def begun(
    kind: str,
    points: pl.DataFrame,
    *,
    threshold: float,
    told: pl.DataFrame,
    as_of: datetime,
    within: timedelta,
    history: timedelta = HISTORY,
) -> pl.DataFrame:
    """Signals of the markets whose score has come to its threshold and was not told of yet.

    Args:
        kind: of all the signals.
        points: scores over the history (`POINT`), in any order. A NULL score says that nothing
            is known: it makes no signal, and ends no case.
        threshold: from which score on there is a signal.
        told: signals that are stored (`TOLD`), of any kind; those of after `as_of` are left out.
        as_of: now; later points are left out.
        within: a market whose newest score is older has none now.
        history: how far back scores are looked at.

    Returns:
        Rows of `polymarket_signal_events`, one for each case that is new.
    """
    known = points.filter((pl.col("at") <= as_of) & (pl.col("at") > as_of - history)).sort(
        *_KEY, "at", maintain_order=True
    )
    over = known.filter(pl.col("score") < threshold).group_by(_KEY).agg(over_at=pl.col("at").max())
    before = (
        told.filter((pl.col("kind") == kind) & (pl.col("told_at") <= as_of))
        .group_by(_KEY)
        .agg(pl.col("told_at").max())
    )
    new = (
        known.group_by(_KEY, maintain_order=True)
        .last()
        .filter((pl.col("score") >= threshold) & (pl.col("at") >= as_of - within))
        .join(over, on=_KEY, how="left", nulls_equal=True, maintain_order="left")
        .join(before, on=_KEY, how="left", nulls_equal=True, maintain_order="left")
        .filter(
            pl.col("told_at").is_null()
            | (pl.col("over_at") > pl.col("told_at")).fill_null(value=False)
        )
        .drop("over_at", "told_at")
    )
    return signals(kind, new, threshold=threshold, found_at=as_of)


def signals(kind: str, rows: pl.DataFrame, *, threshold: float, found_at: datetime) -> pl.DataFrame:
    """One signal for each row.

    Args:
        kind: of all of them.
        rows: what they are made of (`POINT`); `trade_key`, where there is one, goes into the id.
        threshold: what the scores were held against.
        found_at: when that was.

    Returns:
        Rows of `polymarket_signal_events`.
    """
    if rows.is_empty():
        return empty(POLYMARKET_SIGNAL_EVENTS)
    made = [
        {**_signal(kind, row), "threshold": threshold, "found_at": found_at}
        for row in rows.iter_rows(named=True)
    ]
    schema = POLYMARKET_SIGNAL_EVENTS.schema
    return conform(POLYMARKET_SIGNAL_EVENTS, pl.DataFrame(made, schema=schema))


def _signal(kind: str, row: Mapping[str, Any]) -> dict[str, object]:
    made_at: datetime = row.get("made_at") or row["at"]
    made_of = made_at.isoformat(timespec="microseconds")
    if "trade_key" in row:
        made_of = f"{row['trade_key']} {made_of}"
    detail = {name: _plain(value) for name, value in row.items() if name not in _APART}
    return {
        "signal_id": signal_id(kind, row["condition_id"], row["token_id"], made_of),
        "kind": kind,
        "condition_id": row["condition_id"],
        "token_id": row["token_id"],
        "symbol": row.get("symbol"),
        "as_of": made_at,
        "score": row["score"],
        "detail": json.dumps(detail, sort_keys=True, ensure_ascii=False),
    }


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value

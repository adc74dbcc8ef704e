"""Published files with markets in them, and what a search in them should give."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from market_assets.storage.files.published import Snapshot


@dataclass(frozen=True)
class Market:
    """What a search looks at."""

    condition_id: str
    question: str | None = "Will it rain?"
    slug: str | None = "will-it-rain"
    closed: bool | None = False
    is_listed: bool | None = True
    volume_24h_usd: float | None = None
    volume_usd: float | None = None

    @property
    def stands(self) -> tuple[object, ...]:
        """Smaller for what is answered first."""
        is_last = self.closed is True or self.is_listed is False
        return (
            is_last,
            _descending(self.volume_24h_usd),
            _descending(self.volume_usd),
            self.condition_id.encode(),
        )


def publish(
    path: Path, markets: Iterable[Market], links: Iterable[tuple[str, str, float]] = ()
) -> None:
    """A file with these markets and links in the place of the last one, by rename.

    Args:
        path: where.
        markets: as they lie in the file.
        links: market, symbol, confidence.
    """
    draft = path.with_name("draft.duckdb")
    with duckdb.connect(draft) as connection:
        connection.execute(
            "create table polymarket_markets (condition_id varchar, question varchar, "
            "slug varchar, closed boolean, is_listed boolean, volume_24h_usd double, "
            "volume_usd double)"
        )
        connection.execute(
            "create table polymarket_market_asset_links "
            "(condition_id varchar, symbol varchar, confidence double)"
        )
        _insert(connection, "polymarket_markets", [tuple(vars(one).values()) for one in markets])
        _insert(connection, "polymarket_market_asset_links", list(links))
    draft.rename(path)


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[object, ...]]
) -> None:
    if rows:
        values = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
        statement = f"insert into {table} values {values}"  # noqa: S608 - the test's own table
        connection.execute(statement, [value for row in rows for value in row])


def found(snapshot: Snapshot, places: Sequence[int]) -> list[str]:
    """The markets that lie there, in that order."""
    lying = snapshot.remember("lying", _lying)
    return [lying[place][0] for place in places]


def wanted(snapshot: Snapshot, markets: Sequence[Market], words: Sequence[str]) -> list[str]:
    """The markets that a search for the words should give, all of them, by the definition."""
    texts = dict(snapshot.remember("lying", _lying).values())
    return [
        market.condition_id
        for market in sorted(markets, key=lambda market: market.stands)
        if all(word in texts[market.condition_id] for word in words)
    ]


def _lying(snapshot: Snapshot) -> dict[int, tuple[str, str]]:
    """By place the market, and what is searched in."""
    rows = snapshot.rows(
        "select rowid as place, condition_id, lower(concat_ws(' ', question, slug)) as text "
        "from polymarket_markets"
    )
    return {row["place"]: (row["condition_id"], row["text"]) for row in rows}


def _descending(value: float | None) -> tuple[bool, bool, float]:
    if value is None:
        return True, True, 0.0
    return False, not math.isnan(value), 0.0 if math.isnan(value) else -value

"""The tokens of the tracked universe: those whose books are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from market_assets.sources.polymarket.order_book.rows import Token

if TYPE_CHECKING:
    from market_assets.storage.api import Store

_TRACKED: Final = """
select u.condition_id, u.token_ids, m.outcomes, m.neg_risk, m.tick_size
from polymarket_tracked_universe u
left join polymarket_markets m using (condition_id)
where coalesce(not m.closed, true)
order by u.rank, u.condition_id
"""


def tracked_tokens(store: Store) -> list[Token]:
    """The tokens of the tracked universe, the most important market's first.

    Raises:
        StoreError: the database cannot be read.
    """
    return [token for row in store.read(_TRACKED).iter_rows(named=True) for token in _tokens(row)]


def _tokens(row: dict[str, Any]) -> list[Token]:
    outcomes = row["outcomes"] or ()
    return [
        Token(
            token_id,
            row["condition_id"],
            outcome=outcomes[number] if number < len(outcomes) else None,
            neg_risk=row["neg_risk"],
            tick_size=row["tick_size"],
        )
        for number, token_id in enumerate(row["token_ids"] or ())
        if token_id
    ]

"""Order books of Polymarket: the head and the levels of one token's book."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from market_assets.api.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.api.view import View

_TABLES: Final = ("polymarket_books", "polymarket_orderbook_levels")
_HEAD: Final = "select * from polymarket_books where token_id = $token"
_LEVELS: Final = """
select side, price, size
from polymarket_orderbook_levels
where token_id = $token
order by side, case side when 'bid' then -price else price end
"""


def book(view: View, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The present book of a token: its head, and the levels of both sides, best first.

    Head and levels are of one state: they are written and published together.

    Raises:
        ApiError: there is no book of that token.
    """
    token = {"token": asked["token_id"]}
    heads = view.snapshot.rows(_HEAD, token) if view.has(*_TABLES) else []
    if not heads:
        raise ApiError(
            "unknown_token",
            f"no book of token {asked['token_id']!r}: those of tracked markets are kept; "
            "polymarket_tracked_universe has them",
        )
    [head] = heads
    sides: dict[str, list[dict[str, Any]]] = {"bid": [], "ask": []}
    for row in view.snapshot.rows(_LEVELS, token):
        sides[row["side"]].append({"price": row["price"], "size": row["size"]})
    return {
        **view.part(head, head["book_at"]),
        "bids": sides["bid"],
        "asks": sides["ask"],
    }

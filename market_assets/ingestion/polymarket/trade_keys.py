"""What tells one fill from another: the venue gives none an id, and a transaction holds several.

A fill is told by what the chain fixed: transaction, token, wallet, side, price, size, second. Names
(of the outcome, of the market) are left out: a name that comes late must not make a second fill.
Where fills are alike in all of that, they are numbered within one answer, so `n` alike fills have
the same `n` keys in every answer that shows all of them, and an answer that shows fewer, because
its page ends in their midst, has the first of those keys. Rows of several answers therefore add up
to the feed as long as each second was seen whole in one of them (`trade_feed.py`).
"""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from market_assets.clock import to_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from market_assets.sources.polymarket.model import Trade

_MILLIONTHS: Final = 1e6
"""Shares and collateral have six decimals on the chain. What lies below comes of a division, and
may be printed otherwise the next time; fills that differ only there are numbered."""
_DIGEST_BYTES: Final = 12
"""96 bits: among a thousand million fills, two of one second would have to meet."""


def keyed(answer: Iterable[Trade]) -> list[tuple[str, Trade]]:
    """The fills of one answer, each with its `trade_key`.

    A key is `<Unix second>-<digest>`, and `…-2`, `…-3` for those that are like an earlier one. It
    begins with the time, so that fills of one time lie together in the table.
    """
    seen: Counter[str] = Counter()
    fills = []
    for trade in answer:
        key = _identity(trade)
        seen[key] += 1
        fills.append((key if seen[key] == 1 else f"{key}-{seen[key]}", trade))
    return fills


def _identity(trade: Trade) -> str:
    told_by = "|".join(
        (
            (trade.transaction_hash or "").lower(),
            trade.token_id,
            (trade.wallet or "").lower(),
            trade.side,
            str(round(trade.price * _MILLIONTHS)),
            str(round(trade.size * _MILLIONTHS)),
        )
    )
    digest = blake2b(told_by.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{to_ms(trade.traded_at) // 1000}-{digest}"

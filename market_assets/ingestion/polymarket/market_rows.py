"""Rows of `polymarket_markets` that keep what an earlier answer said and this one leaves out.

The event that a market belongs to, and what the CLOB said of `neg_risk`: in the book that stands,
or before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from market_assets.sources.polymarket import frames

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from market_assets.sources.polymarket.model import Market
    from market_assets.storage.api import Store

_KNOWN = """
select condition_id, markets.event_id as known_event_id,
       coalesce(
           books.neg_risk, case when markets.neg_risk_source = 'clob' then markets.neg_risk end
       ) as known_neg_risk
from polymarket_markets as markets
left join (
    select condition_id, any_value(neg_risk) as neg_risk
    from polymarket_books
    where neg_risk_source = 'clob'
    group by condition_id
) as books using (condition_id)
where condition_id in (select unnest($ids))
"""


def market_rows(
    store: Store,
    markets: Iterable[Market],
    now: datetime,
    *,
    clob_says: Mapping[str, bool] | None = None,
) -> pl.DataFrame:
    """Rows to be merged: the markets as Gamma has them now, and what is known besides.

    A market that was looked up by its id comes without its event. Gamma and the CLOB can differ on
    `neg_risk`; orders are matched by what the CLOB says.

    Args:
        store: has the rows of before.
        markets: as Gamma gave them.
        now: when they were received.
        clob_says: `neg_risk` by condition id, from books that were read just now.
    """
    frame = frames.markets(markets, now)
    known = store.read(_KNOWN, {"ids": frame["condition_id"].to_list()})
    said = clob_says or {}
    confirmed = pl.DataFrame(
        {"condition_id": list(said), "said": list(said.values())},
        schema={"condition_id": pl.String, "said": pl.Boolean},
    )
    by_clob = pl.coalesce("said", "known_neg_risk")
    source = pl.when(by_clob.is_not_null()).then(pl.lit("clob")).otherwise("neg_risk_source")
    return (
        frame.join(known, on="condition_id", how="left", maintain_order="left")
        .join(confirmed, on="condition_id", how="left", maintain_order="left")
        .with_columns(
            event_id=pl.coalesce("event_id", "known_event_id"),
            neg_risk=pl.coalesce(by_clob, "neg_risk"),
            neg_risk_source=source,
        )
        .select(frame.columns)
    )

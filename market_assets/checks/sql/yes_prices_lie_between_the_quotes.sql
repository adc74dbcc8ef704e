-- Grain: one row per price of the last hour that does not agree with its quotes. Key: condition_id,
-- symbol, as_of.
select
    condition_id,
    symbol,
    as_of,
    yes_price,
    best_bid,
    best_ask,
from polymarket_immediate_markets
where as_of > $now - interval '1 hour'
  and (best_bid > best_ask
       or yes_price not between 0 and 1
       or (spread <= 0.10 and yes_price not between best_bid and best_ask))
order by as_of, condition_id, symbol

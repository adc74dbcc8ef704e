-- Grain: one row per market with a price outside 0 to 1. Key: condition_id.
select
    condition_id,
    outcome_prices,
    best_bid,
    best_ask,
    last_trade_price,
from polymarket_markets
where best_bid not between 0 and 1
   or best_ask not between 0 and 1
   or last_trade_price not between 0 and 1
   or len(list_filter(outcome_prices, lambda price: price not between 0 and 1)) > 0
order by condition_id

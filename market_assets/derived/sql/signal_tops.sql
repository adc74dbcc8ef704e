-- Grain: one row per token and instant of the grid since $since. Key: token_id, observed_at.
select
    token_id,
    observed_at,
    best_bid,
    best_ask,
    spread,
    mid,
    bid_depth_5c_usd,
    ask_depth_5c_usd,
    is_proven,
from polymarket_book_tops
where observed_at > $since and observed_at <= $as_of

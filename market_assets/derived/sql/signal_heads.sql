-- Grain: one row per token with a book. Key: token_id.
select
    token_id,
    condition_id,
    best_bid,
    best_ask,
    spread,
    mid,
    bid_depth_5c_usd,
    ask_depth_5c_usd,
    is_proven,
    book_at,
from polymarket_books
where book_at <= $as_of

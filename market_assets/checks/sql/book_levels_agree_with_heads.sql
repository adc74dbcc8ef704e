-- One row per token whose head is not that of its levels, or of which only one of the two is there.
with sides as (
    select
        token_id,
        max(price) filter (side = 'bid') as best_bid,
        min(price) filter (side = 'ask') as best_ask,
        count(*) as levels,
        min(book_hash) as book_hash,
    from polymarket_orderbook_levels
    group by token_id
)
select
    coalesce(heads.token_id, sides.token_id) as token_id,
    heads.best_bid, sides.best_bid as highest_bid,
    heads.best_ask, sides.best_ask as lowest_ask,
    heads.levels, sides.levels as stored_levels,
from polymarket_books as heads
full join sides using (token_id)
where heads.token_id is null
   or heads.levels <> coalesce(sides.levels, 0)
   or heads.best_bid is distinct from sides.best_bid
   or heads.best_ask is distinct from sides.best_ask
   or (sides.levels > 0 and heads.book_hash is distinct from sides.book_hash)

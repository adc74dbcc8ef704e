select token_id, side, levels.price, heads.tick_size
from polymarket_orderbook_levels as levels
join polymarket_books as heads using (token_id)
where not (levels.price > 0 and levels.price < 1)
   or abs(levels.price / heads.tick_size - round(levels.price / heads.tick_size)) > 1e-6

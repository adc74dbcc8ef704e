select token_id, best_bid, best_ask, book_at
from polymarket_books
where best_bid >= best_ask

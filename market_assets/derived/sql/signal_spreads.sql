-- Grain: one row per token and instant of the grid since $since at which it had a spread. Key:
-- token_id, observed_at.
select
    token_id,
    observed_at,
    spread,
from polymarket_book_tops
where observed_at > $since and observed_at <= $as_of and spread is not null

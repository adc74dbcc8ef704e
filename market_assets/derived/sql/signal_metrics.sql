-- Grain: one row per market and observation of its open interest since $since. Key: condition_id,
-- observed_at.
select
    condition_id,
    observed_at,
    open_interest_usd,
from polymarket_market_metrics
where observed_at >= $since and observed_at <= $as_of

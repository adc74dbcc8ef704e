-- Grain: one row per open interest below 0. Key: condition_id, observed_at.
select
    condition_id,
    observed_at,
    open_interest_usd,
from polymarket_market_metrics
where open_interest_usd < 0
order by observed_at, condition_id

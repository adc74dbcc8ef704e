-- Grain: one row per kind, market and token with the instant of its latest signal. Key: kind,
-- condition_id, token_id.
select
    kind,
    condition_id,
    token_id,
    max(as_of) as told_at,
from polymarket_signal_events
where as_of <= $as_of
group by kind, condition_id, token_id

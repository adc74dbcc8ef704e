-- Grain: one row per fill since $since in a market that traded since $lively_since. Key: trade_key.
with lively as (
    select distinct condition_id
    from polymarket_trades
    where traded_at > $lively_since and traded_at <= $as_of
)

select
    trade_key,
    condition_id,
    token_id,
    outcome,
    side,
    price,
    size,
    notional_usd,
    traded_at,
    ingested_at,
from polymarket_trades
where
    traded_at > $since
    and traded_at <= $as_of
    and condition_id in (select condition_id from lively)

-- Grain: one row per order book of the last hour whose best bid is at or above its best ask. Key:
-- symbol, as_of. Its profile has no mid and nothing that rests on one.
select
    symbol,
    as_of,
    best_bid,
    best_ask,
from hyperliquid_liquidity_profiles
where as_of > $now - interval '1 hour' and best_bid >= best_ask
order by symbol, as_of

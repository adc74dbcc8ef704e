-- Grain: one row per symbol with the instant of its latest liquidity profile. Key: symbol.
select
    symbol,
    max(as_of) as as_of,
from hyperliquid_liquidity_profiles
where as_of <= $as_of
group by symbol

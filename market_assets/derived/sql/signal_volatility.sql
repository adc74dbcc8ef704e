-- Grain: one row per asset that a market is about and profile since $since. Key: symbol, as_of.
select
    symbol,
    as_of,
    realized_vol_24h_rate,
from hyperliquid_volatility_profiles
where
    as_of > $since
    and as_of <= $as_of
    and symbol in (select symbol from polymarket_market_asset_links)

-- Grain: one row per asset that a market is about and bucket since $since. Key: symbol, bucket_at.
select
    symbol,
    bucket_at,
    mid,
from hyperliquid_mid_prices
where
    bucket_at > $since
    and bucket_at <= $as_of
    and symbol in (select symbol from polymarket_market_asset_links)

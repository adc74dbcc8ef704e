-- Grain: one row per market and asset that it is about. Key: condition_id, symbol.
select
    condition_id,
    symbol,
    confidence,
    linked_at,
from polymarket_market_asset_links
where linked_at <= $as_of

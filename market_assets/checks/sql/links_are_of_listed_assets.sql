-- Grain: one row per link to an asset or a market that is not known. Key: condition_id, symbol.
select
    l.condition_id,
    l.symbol,
    l.method,
    l.matched_text,
from polymarket_market_asset_links l
left join hyperliquid_assets a using (symbol)
left join polymarket_markets m using (condition_id)
where a.symbol is null or m.condition_id is null
order by l.condition_id, l.symbol

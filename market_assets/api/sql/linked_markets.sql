-- One row per open and listed prediction market and symbol that it is about: the most traded of each.
select
    links.symbol,
    links.method,
    links.matched_text,
    links.confidence,
    markets.condition_id,
    markets.event_id,
    markets.slug,
    markets.question,
    markets.outcomes,
    markets.outcome_prices,
    markets.best_bid,
    markets.best_ask,
    markets.last_trade_price,
    markets.liquidity_usd,
    markets.volume_usd,
    markets.volume_24h_usd,
    markets.end_at,
    markets.ingested_at
from polymarket_market_asset_links as links
join polymarket_markets as markets using (condition_id)
where markets.closed is distinct from true and markets.is_listed is distinct from false
qualify row_number() over (
    partition by links.symbol
    order by markets.volume_24h_usd desc nulls last, markets.condition_id
) <= $most
order by links.symbol, markets.volume_24h_usd desc nulls last, markets.condition_id

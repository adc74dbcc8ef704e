-- Grain: one row per perpetual that trades now, most traded first. Key: symbol.
with latest as (
    select
        symbol,
        max_by(is_delisted, observed_at) as is_delisted,
        max_by(volume_24h_usd, observed_at) as volume_24h_usd,
        max_by(volume_24h_quote, observed_at) as volume_24h_quote,
    from hyperliquid_asset_contexts
    where observed_at > $now - interval '1 day' and funding_rate is not null
    group by symbol
)

select symbol
from latest
where not is_delisted
order by volume_24h_usd desc nulls last, volume_24h_quote desc nulls last, symbol

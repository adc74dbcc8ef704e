-- Grain: one row per dex (and one for spot) that had contexts within the last day and has none of
-- the last ten minutes before the newest of all. Key: kind, dex.
-- Two turns may be missed. Where all stand still the channel itself is late.
with newest as (
    select
        assets.kind,
        assets.dex,
        max(contexts.observed_at) as observed_at
    from hyperliquid_asset_contexts as contexts
    inner join hyperliquid_assets as assets on contexts.symbol = assets.symbol
    where
        contexts.observed_at > $now - interval '1 day'
        and not assets.is_delisted
    group by assets.kind, assets.dex
)

select
    kind,
    dex,
    observed_at,
from newest
where observed_at < (select max(observed_at) from newest) - interval '10 minutes'
order by kind, dex

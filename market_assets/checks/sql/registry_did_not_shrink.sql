-- Grain: one row per dex (and one for spot) of which more than a fifth of the listed assets did not
-- come with the latest refresh. Key: kind, dex.
with latest as (
    select max(ingested_at) as refreshed_at from hyperliquid_assets
),

final as (
    select
        kind,
        dex,
        count(*) as known,
        count(*) filter (where ingested_at = latest.refreshed_at) as seen,
    from hyperliquid_assets
    cross join latest
    where not is_delisted
    group by kind, dex
)

select
    kind,
    dex,
    known,
    seen,
from final
where seen < 0.8 * known
order by kind, dex

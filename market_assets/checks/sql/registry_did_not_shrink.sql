-- Grain: one row per dex (and one for spot) of which more than a fifth of the assets that the refresh
-- before listed did not come with the latest one. Key: kind, dex.
-- An asset that was missed before, too, or for a day, is no news; after some refreshes it counts as
-- taken back.
with latest as (
    select max(ingested_at) as refreshed_at from hyperliquid_assets
),

final as (
    select
        kind,
        dex,
        count(*) as known,
        count(*) filter (
            where coalesce(last_listed_at, ingested_at) = latest.refreshed_at
        ) as seen,
    from hyperliquid_assets
    cross join latest
    where
        not is_delisted
        and coalesce(times_missed, 0) <= 1
        and coalesce(last_listed_at, ingested_at) >= latest.refreshed_at - interval '1 day'
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

-- Grain: one row per dex (and one for spot) whose contexts all stood still between the latest two
-- times at which they were observed, while mids of its assets moved. Key: kind, dex.
-- An answer out of a cache looks like this. A market that is closed does not: its mids stand, too.
-- Mids are those of the same instants, so a stream that is down proves nothing.
with ranked as (
    select
        *,
        row_number() over (partition by symbol order by observed_at desc) as nth
    from hyperliquid_asset_contexts
    where observed_at > $now - interval '25 minutes' and not is_delisted
),

pairs as (
    select
        latest.symbol,
        before.observed_at as before_at,
        latest.observed_at as latest_at,
        latest.mark_px is not distinct from before.mark_px
        and latest.oracle_px is not distinct from before.oracle_px
        and latest.mid_px is not distinct from before.mid_px
        and latest.premium is not distinct from before.premium
        and latest.open_interest is not distinct from before.open_interest
        and latest.volume_24h_quote is not distinct from before.volume_24h_quote as stood_still
    from ranked as latest
    inner join ranked as before
        on latest.symbol = before.symbol and latest.nth = 1 and before.nth = 2
),

moved as (
    select
        pairs.symbol,
        count(distinct mids.mid) > 1 as mid_moved
    from pairs
    inner join hyperliquid_mid_prices as mids
        on
            pairs.symbol = mids.symbol
            and mids.bucket_at >= pairs.before_at
            and mids.bucket_at <= pairs.latest_at
    group by pairs.symbol
),

final as (
    select
        assets.kind,
        assets.dex,
        count(*) as contexts,
        count(*) filter (where pairs.stood_still) as stood_still,
        count(*) filter (where moved.mid_moved) as mids_moved,
        max(pairs.latest_at) as observed_at,
    from pairs
    inner join hyperliquid_assets as assets on pairs.symbol = assets.symbol
    left join moved on pairs.symbol = moved.symbol
    group by assets.kind, assets.dex
)

select
    kind,
    dex,
    contexts,
    mids_moved,
    observed_at,
from final
where stood_still = contexts and mids_moved > 0
order by kind, dex

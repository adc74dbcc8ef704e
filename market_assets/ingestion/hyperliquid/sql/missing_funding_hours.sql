-- Grain: one row per symbol and part of the wanted time (before or after $recent) in which an hour
-- has no funding rate. Key: symbol, is_recent.
-- Hours that are certain not to be paid (healed gaps) are not missing. The hours run from $start to
-- $newest, both inclusive.
with hours as (
    select unnest(generate_series($start, $newest, interval '1 hour')) as hour_at
),

symbols as (
    select unnest($symbols) as symbol
),

stored as (
    select symbol, funding_at
    from hyperliquid_funding_rates
    where funding_at >= $start
),

known_to_be_none as (
    select symbol, gap_from_at, gap_to_at
    from ingestion_gaps
    where source = 'hyperliquid' and channel = 'funding_rates' and healed_at is not null
),

missing as (
    select symbols.symbol, hours.hour_at
    from symbols
    cross join hours
    anti join stored
        on symbols.symbol = stored.symbol and hours.hour_at = stored.funding_at
    anti join known_to_be_none
        on
            symbols.symbol = known_to_be_none.symbol
            and hours.hour_at >= known_to_be_none.gap_from_at
            and hours.hour_at < known_to_be_none.gap_to_at
),

final as (
    select
        symbol,
        hour_at >= $recent as is_recent,
        min(hour_at) as from_at,
        max(hour_at) + interval '1 hour' as to_at,
    from missing
    group by symbol, is_recent
)

select
    final.symbol,
    final.is_recent,
    final.from_at,
    final.to_at,
    stored.funding_at as anchor_at,
from final
asof left join stored
    on final.symbol = stored.symbol and final.to_at <= stored.funding_at

-- Grain: one row per symbol that lacks closed 1-minute candles of the last hour, other than those
-- of a hole that is known and still being healed. Key: symbol.
-- The newest minute is left out: it has 8 seconds to be written. A symbol is expected from its
-- first candle of the last two hours on, as long as it is listed.
with grid as (
    select unnest(
        generate_series(
            date_trunc('minute', $now) - interval '61 minutes',
            date_trunc('minute', $now) - interval '2 minutes',
            interval '1 minute'
        )
    ) as open_at
),

present as (
    select symbol, open_at
    from hyperliquid_candles
    where
        interval = '1m'
        and is_closed
        and open_at >= date_trunc('minute', $now) - interval '121 minutes'
),

listed as (
    select symbol from hyperliquid_assets where not is_delisted
),

expected as (
    select firsts.symbol, grid.open_at
    from (select symbol, min(open_at) as first_at from present group by symbol) as firsts
    inner join grid on firsts.first_at <= grid.open_at
    semi join listed on firsts.symbol = listed.symbol
),

known_holes as (
    select symbol, gap_from_at, gap_to_at
    from ingestion_gaps
    where source = 'hyperliquid' and channel = 'candles' and healed_at is null
),

final as (
    select expected.symbol, expected.open_at
    from expected
    anti join present
        on expected.symbol = present.symbol and expected.open_at = present.open_at
    anti join known_holes
        on
            expected.symbol = known_holes.symbol
            and expected.open_at >= known_holes.gap_from_at
            and expected.open_at < known_holes.gap_to_at
)

select
    symbol,
    count(*) as missing_minutes,
    min(open_at) as first_missing_at,
    max(open_at) as last_missing_at,
from final
group by symbol
order by missing_minutes desc, symbol

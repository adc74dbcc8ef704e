-- Grain: one row per series, asset and day of the last week that is over, has less than 99 % of its
-- rows, and of which the ledger has no gap. Key: table_name, interval, symbol, day.
-- Mids are left out: nobody records gaps of them. The ledger forgets after a week.
with channels(table_name, "interval", channel) as (
    values
        ('hyperliquid_candles', '1m', 'candles'),
        ('hyperliquid_candles', '1h', 'candles_1h'),
        ('hyperliquid_funding_rates', null, 'funding_rates')
),

days as (
    select
        c.channel,
        d.table_name,
        d."interval",
        d.symbol,
        d.day,
        d.expected_rows,
        d.present_rows,
        d.completeness_pct,
    from data_completeness d
    join channels c
        on c.table_name = d.table_name and c."interval" is not distinct from d."interval"
    where d.completeness_pct < 99
      and d.day + 1 <= $now - interval '3 hours' and d.day > $now - interval '7 days'
)

select
    days.* exclude (channel),
from days
anti join ingestion_gaps gaps
    on gaps.source = 'hyperliquid'
        and gaps.channel = days.channel
        and gaps.symbol = days.symbol
        and gaps.gap_from_at < days.day + 1
        and gaps.gap_to_at > days.day
order by days.completeness_pct, days.symbol

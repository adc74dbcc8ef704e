-- Grain: one row per symbol whose latest mid is more than 5 % away from the close of its latest
-- candle. Key: symbol. Only symbols that traded within the last three minutes and whose mid is as
-- fresh: the last trade of a quiet asset may be far from today's mid and still be right.
with mids as (
    select
        symbol,
        max_by(mid, bucket_at) as mid,
        max(bucket_at) as bucket_at,
    from hyperliquid_mid_prices
    where bucket_at > $now - interval '1 minute'
    group by symbol
),

closes as (
    select
        symbol,
        max_by(close, open_at) as close,
        max(open_at) as open_at,
    from hyperliquid_candles
    where interval = '1m' and trades > 0 and open_at > $now - interval '3 minutes'
    group by symbol
),

final as (
    select
        mids.symbol,
        mids.mid,
        closes.close,
        mids.mid / closes.close - 1 as difference_rate,
    from mids
    inner join closes on mids.symbol = closes.symbol
)

select
    symbol,
    mid,
    close,
    difference_rate,
from final
where abs(difference_rate) > 0.05
order by abs(difference_rate) desc

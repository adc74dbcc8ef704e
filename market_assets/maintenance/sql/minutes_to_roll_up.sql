-- Grain: one row per 1-minute candle of a symbol and hour whose 1-hour candle is missing or behind.
-- Key: symbol, open_at. An hour is behind when its minutes hold other trades than it says, when it
-- is not closed although all sixty minutes are, or when a closed minute is newer than it.
with minutes as (
    select * from hyperliquid_candles where interval = '1m'
),

hours as (
    select
        symbol,
        time_bucket(interval '1 hour', open_at) as hour_at,
        sum(trades) as trades,
        count(*) = 60 and bool_and(is_closed) as is_closed,
        max(ingested_at) as ingested_at,
    from minutes
    group by symbol, hour_at
),

rolled as (
    select symbol, open_at as hour_at, trades, is_closed, ingested_at
    from hyperliquid_candles
    where interval = '1h'
),

behind as (
    select hours.symbol, hours.hour_at
    from hours
    left join rolled using (symbol, hour_at)
    where
        rolled.hour_at is null
        or hours.trades > rolled.trades
        or (hours.is_closed and not rolled.is_closed)
        or (not rolled.is_closed and hours.ingested_at > rolled.ingested_at)
),

final as (
    select minutes.*
    from minutes
    inner join behind
        on
            minutes.symbol = behind.symbol
            and time_bucket(interval '1 hour', minutes.open_at) = behind.hour_at
)

select
    symbol,
    interval,
    open_at,
    close_at,
    open,
    high,
    low,
    close,
    volume,
    trades,
    is_closed,
    source,
    ingested_at,
from final
order by symbol, open_at

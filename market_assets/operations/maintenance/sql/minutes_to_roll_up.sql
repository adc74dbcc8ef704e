-- Grain: one row per 1-minute candle of a symbol and hour whose 1-hour candle is missing or behind.
-- Key: symbol, open_at. An hour is behind when its minutes hold other trades than it says, when it
-- is not closed although all sixty minutes are, or when a correction of a minute has as many trades:
-- it is newer than the hour, or (written late) has another price. A closed hour waits for all of its
-- minutes: REST may know it better.
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
        coalesce(max(high) filter (volume > 0), max(high)) as high,
        coalesce(min(low) filter (volume > 0), min(low)) as low,
        arg_max(close, open_at) as close,
    from minutes
    group by symbol, hour_at
),

rolled as (
    select symbol, open_at as hour_at, trades, is_closed, ingested_at, high, low, close
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
        or (
            hours.trades = rolled.trades
            and (hours.is_closed or not rolled.is_closed)
            and (
                hours.ingested_at > rolled.ingested_at
                or hours.high <> rolled.high
                or hours.low <> rolled.low
                or hours.close <> rolled.close
            )
        )
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

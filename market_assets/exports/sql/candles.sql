-- Grain: one row per closed candle of one symbol and interval that opens in [$since, $until), oldest
-- first. Key: date.
select
    open_at as date,
    open,
    high,
    low,
    close,
    volume,
    symbol,
    "interval",
    close_at,
    trades,
from {candles}
where
    symbol = $symbol
    and "interval" = $interval
    and is_closed
    and open_at >= $since
    and open_at < $until
order by open_at

-- Grain: one row per symbol and closed candle of an interval since $since. Key: symbol, open_at.
select
    symbol,
    open_at,
    close_at,
    open,
    high,
    low,
    close,
    trades,
from hyperliquid_candles
where
    interval = $interval
    and is_closed
    and close_at <= $as_of
    and open_at >= $since
order by symbol, open_at

-- Grain: one row per symbol and closed 1-minute candle of the last 24 hours. Key: symbol, open_at.
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
    interval = '1m'
    and is_closed
    and close_at <= $as_of
    and open_at >= $as_of - interval '24 hours'
order by symbol, open_at

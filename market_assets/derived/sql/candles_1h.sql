-- Grain: one row per symbol and closed 1-hour candle of the last 7 days. Key: symbol, open_at.
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
    interval = '1h'
    and is_closed
    and close_at <= $as_of
    and open_at >= $as_of - interval '7 days'
order by symbol, open_at

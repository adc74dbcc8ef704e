-- Grain: one row per candle whose prices contradict each other. Key: symbol, interval, open_at.
select
    symbol,
    interval,
    open_at,
    open,
    high,
    low,
    close,
    volume,
    trades,
from hyperliquid_candles
where
    low > least(open, close)
    or high < greatest(open, close)
    or low <= 0
    or volume < 0
    or trades < 0
    or close_at <= open_at

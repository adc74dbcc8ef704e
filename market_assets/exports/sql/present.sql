-- Grain: one row per symbol and interval with closed candles: when the first and the last one open.
select symbol, "interval", min(open_at) as first_at, max(open_at) as last_at
from {candles}
where is_closed
group by symbol, "interval"
order by symbol, min(close_at - open_at)

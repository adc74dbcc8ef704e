-- Grain: one row per interval with closed candles of a symbol: when the first and the last one open.
select "interval", min(open_at) as first_at, max(open_at) as last_at
from {candles}
where symbol = $symbol and is_closed
group by "interval"
order by min(close_at - open_at)

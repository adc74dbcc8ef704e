-- Grain: one row per UTC month with closed candles of one symbol and interval that open in
-- [$since, $until), oldest first.
select date_trunc('month', open_at) as month, count(*) as candles
from {candles}
where
    symbol = $symbol
    and "interval" = $interval
    and is_closed
    and ($since::timestamptz is null or open_at >= $since)
    and ($until::timestamptz is null or open_at < $until)
group by month
order by month

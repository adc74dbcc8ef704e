-- Candles of one symbol and interval in a span, oldest first; one more than wanted, to see whether
-- there are more. Without a beginning, the newest ones.
select *
from (
    select *
    from hyperliquid_candles
    where
        symbol = $symbol
        and "interval" = $interval
        and ($until::timestamptz is null or open_at < $until)
        and ($since::timestamptz is null or open_at >= $since)
    order by
        case when $since::timestamptz is null then open_at end desc,
        open_at
    limit $most
)
order by open_at

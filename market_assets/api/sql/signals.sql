-- One row per signal that was asked for, newest first; what is NULL restricts nothing.
select *
from polymarket_signal_events
where
    ($since::timestamptz is null or as_of >= $since)
    and ($kind::varchar is null or kind = $kind)
    and ($symbol::varchar is null or symbol = $symbol)
order by as_of desc, signal_id
limit $limit

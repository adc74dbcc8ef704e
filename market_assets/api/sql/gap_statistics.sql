-- Holes in the series: those that are open and being filled, and those that were filled in the day
-- before `$until`. Nobody fills those of a symbol that is not streamed any more, and a payment that
-- is in doubt was most likely never made.
select
    source,
    count(*) filter (where is_open) as open,
    min(gap_from_at) filter (where is_open) as oldest_open_from_at,
    count(*) filter (where healed_at >= $until::timestamptz - interval 24 hours) as healed_24h,
    coalesce(
        sum(healed_rows) filter (where healed_at >= $until::timestamptz - interval 24 hours), 0
    )::bigint as healed_rows_24h
from (
    select
        source,
        gap_from_at,
        healed_at,
        healed_rows,
        healed_at is null and cause not in ('unlisted', 'unsubscribed', 'not paid, in doubt') as is_open
    from ingestion_gaps
)
group by source
order by source

-- Holes in the series: those that are open, and those that were filled in the day before `$until`.
select
    source,
    count(*) filter (where healed_at is null) as open,
    min(gap_from_at) filter (where healed_at is null) as oldest_open_from_at,
    count(*) filter (where healed_at >= $until::timestamptz - interval 24 hours) as healed_24h,
    coalesce(
        sum(healed_rows) filter (where healed_at >= $until::timestamptz - interval 24 hours), 0
    )::bigint as healed_rows_24h
from ingestion_gaps
group by source
order by source

-- Finished attempts that began in [since, until), by source, channel and bucket of their duration.
-- A minute of a stream is `ok` from its first flush on and grows until it ends: its duration counts
-- when it has not moved for a while.
select
    source,
    channel,
    len(list_filter($bounds_ms, lambda bound: bound < duration_ms)) as bucket,
    count(*) filter (where status = 'ok') as succeeded,
    count(*) filter (where status = 'failed') as failed,
    coalesce(sum(rows_written), 0)::bigint as rows_written,
    count(duration_ms) filter (where is_settled) as timed,
    coalesce(sum(duration_ms) filter (where is_settled), 0)::bigint as duration_ms
from (
    select
        *,
        not list_contains($streams, concat(source, '/', channel))
        or finished_at < $settled_at::timestamptz as is_settled
    from ingestion_runs
    where
        status in ('ok', 'failed')
        and ($since::timestamptz is null or started_at >= $since)
        and ($until::timestamptz is null or started_at < $until)
)
group by all

-- Attempts of the day before `$until`, one row per source and channel, with the latest failure.
select
    source,
    channel,
    count(*) filter (where status = 'ok') as ok,
    count(*) filter (where status = 'failed') as failed,
    count(*) filter (where status = 'running') as running,
    coalesce(sum(rows_written), 0)::bigint as rows_written,
    quantile_disc(duration_ms, 0.5) filter (where status = 'ok') as duration_ms_p50,
    quantile_disc(duration_ms, 0.95) filter (where status = 'ok') as duration_ms_p95,
    max(started_at) as last_started_at,
    max(finished_at) filter (where status = 'ok') as last_ok_at,
    max(finished_at) filter (where status = 'failed') as last_failed_at,
    arg_max(error_message, finished_at) filter (where status = 'failed') as last_error
from ingestion_runs
where started_at >= $until::timestamptz - interval 24 hours
group by source, channel
order by source, channel

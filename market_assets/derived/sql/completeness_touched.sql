-- Grain: one row per span of time in which rows of a series may have come, or of which something
-- became known, since an instant. Key: none.
select
    event_from_at as from_at,
    event_to_at as to_at,
from ingestion_runs
where asset_key = $table_name and rows_written > 0 and coalesce(finished_at, started_at) >= $since
  and event_from_at is not null
union
select
    gap_from_at as from_at,
    gap_to_at as to_at,
from ingestion_gaps
where source = 'hyperliquid' and channel = $channel
  and (detected_at >= $since or healed_at >= $since)

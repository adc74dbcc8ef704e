-- days that were stored before they were over; key: subject_id, metric, day.
select
    subject_id,
    metric,
    day,
    ingested_at,
from defillama_daily_history
where ingested_at < (day + 1)::timestamp at time zone 'UTC'

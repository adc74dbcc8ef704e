-- Grain: one row per event that counts as open though no walk or look-up of the hour before the
-- latest one brought it. Key: event_id.
select
    event_id,
    title,
    ingested_at,
from polymarket_events
where not coalesce(closed, false)
  and ingested_at < (select max(ingested_at) from polymarket_events) - interval '1 hour'
order by ingested_at, event_id

-- Grain: one row per event that counts as open though no walk or look-up of the hour before the
-- latest one brought it, or asked for it. Key: event_id.
-- What nobody has seen for a day was told of a day ago; what the venue took back is not open.
select
    event_id,
    title,
    ingested_at,
from polymarket_events
where not coalesce(closed, false)
  and is_listed is distinct from false
  and ingested_at < (select max(ingested_at) from polymarket_events) - interval '1 hour'
  and ingested_at >= (select max(ingested_at) from polymarket_events) - interval '1 day'
order by ingested_at, event_id

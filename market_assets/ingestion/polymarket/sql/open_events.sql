-- Events that are open and listed as far as the store knows: those that were missed least often, then
-- the latest first; after a walk that was cut short only those whose end has passed.
select event_id as id
from polymarket_events
where not coalesce(closed, false)
  and is_listed is distinct from false
  and ($is_whole or end_at < $now)
order by coalesce(times_missed, 0), first_seen_at desc, event_id;

-- Events that are open as far as the store knows, the latest first; after a walk that was cut short
-- only those whose end has passed.
select event_id as id
from polymarket_events
where not coalesce(closed, false) and ($is_whole or end_at < $now)
order by first_seen_at desc, event_id;

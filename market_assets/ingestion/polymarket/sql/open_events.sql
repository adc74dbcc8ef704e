-- Events that are open as far as the store knows, the latest first.
select event_id as id
from polymarket_events
where not coalesce(closed, false)
order by first_seen_at desc, event_id;

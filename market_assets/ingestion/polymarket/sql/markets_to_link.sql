-- Markets that are open and listed, or closed within the last ten days.
select condition_id, event_id, slug, question
from polymarket_markets
where (not coalesce(closed, false) and is_listed is distinct from false)
   or (closed and coalesce(closed_at, updated_at) > $now - interval '10 days')
order by condition_id;

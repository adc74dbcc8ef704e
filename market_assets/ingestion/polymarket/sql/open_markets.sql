-- Markets that are open as far as the store knows, and those that closed within two weeks and of
-- which the oracle has not said the last word; the latest first.
select condition_id as id
from polymarket_markets
where not coalesce(closed, false)
   or (coalesce(resolution_status, '') not in ('resolved', 'settled')
       and coalesce(closed_at, updated_at) > $now - interval '14 days')
order by coalesce(closed_at, first_seen_at) desc, condition_id;

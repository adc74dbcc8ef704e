-- Markets that are open as far as the store knows (after a walk that was cut short only those whose
-- end has passed), and those that closed within two weeks and of which nobody has said who won;
-- those that were missed least often, then the latest first. What is unlisted is not among them.
select condition_id as id
from polymarket_markets
where is_listed is distinct from false
  and ((not coalesce(closed, false) and ($is_whole or end_at < $now))
       or (coalesce(closed, false) and winning_outcome is null
           and coalesce(resolution_status, '') not in ('resolved', 'settled')
           and coalesce(closed_at, updated_at) > $now - interval '14 days'))
order by coalesce(times_missed, 0), coalesce(closed_at, first_seen_at) desc, condition_id;

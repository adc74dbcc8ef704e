-- Grain: one row per market that names a winner it cannot have. Key: condition_id.
select
    condition_id,
    outcomes,
    winning_outcome,
    winner_source,
    closed,
    resolution_status,
from polymarket_markets
where winning_outcome is not null
  and (not coalesce(closed, false)
       or coalesce(resolution_status, 'resolved') not in ('resolved', 'settled')
       or (resolution_status is null and closed_at is null)
       or not list_contains(outcomes, winning_outcome))
order by condition_id

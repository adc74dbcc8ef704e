-- Grain: one row per tracked market that is not open, has no tokens, or has a rank out of order.
-- Key: condition_id.
select
    u.condition_id,
    u.rank,
    u.reason,
    m.closed,
from (
    select *, row_number() over (order by rank, condition_id) as place
    from polymarket_tracked_universe
) u
left join polymarket_markets m using (condition_id)
where u.rank <> u.place
   or (u.reason <> 'manual' and (len(u.token_ids) = 0 or m.condition_id is null
       or ((m.closed or m.is_listed is false) and m.updated_at < u.selected_at)))
order by u.rank, u.condition_id

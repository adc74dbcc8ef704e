-- Markets about an asset that closed since $since, as far as the catalogue knows; the latest first.
-- One that ended without being seen closed is asked about too. `seen_closed_at` is when a market was
-- first seen closed, NULL before.
select
    l.condition_id,
    l.symbol,
    least(case when m.closed then m.updated_at end, r.closed_at) as seen_closed_at
from polymarket_market_asset_links l
join polymarket_markets m using (condition_id)
left join polymarket_recently_closed_markets r using (condition_id, symbol)
where (m.closed and coalesce(m.closed_at, m.updated_at) >= $since)
   or (not coalesce(m.closed, false) and m.is_listed is distinct from false
       and m.end_at between $since and $now)
order by coalesce(m.closed_at, m.end_at) desc, l.condition_id, l.symbol;

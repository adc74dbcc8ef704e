-- Markets about an asset that closed since $since, as far as the catalogue knows; the latest first.
-- One that ended without being seen closed is asked about too.
select l.condition_id, l.symbol
from polymarket_market_asset_links l
join polymarket_markets m using (condition_id)
where (m.closed and coalesce(m.closed_at, m.updated_at) >= $since)
   or (not coalesce(m.closed, false) and m.end_at between $since and $now)
order by coalesce(m.closed_at, m.end_at) desc, l.condition_id, l.symbol;

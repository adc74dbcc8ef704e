-- Open and listed markets about an asset that end before $horizon, or the others of them; soonest first.
select l.condition_id, l.symbol
from polymarket_market_asset_links l
join polymarket_markets m using (condition_id)
where not coalesce(m.closed, false)
  and m.is_listed is distinct from false
  and coalesce(m.end_at <= $horizon, false) = $is_immediate
order by m.end_at nulls last, l.condition_id, l.symbol;

-- Where the markets lie that are open and listed, or closed within the last ten days: those of the
-- events of one part of $parts. Ids and texts are read by the place: of most rows they are not
-- needed, and they are most of a row.
select rowid as place, event_id
from polymarket_markets
where ((not coalesce(closed, false) and is_listed is distinct from false)
       or (closed and coalesce(closed_at, updated_at) > $now - interval '10 days'))
  and hash(coalesce(event_id, market_id)) % $parts = $part

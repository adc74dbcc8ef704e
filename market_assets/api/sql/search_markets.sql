-- Every market: where it lies and what is searched in, in the order of an answer: those that are open
-- and listed, and most traded first.
select
    rowid as place,
    lower(concat_ws(' ', question, slug)) as words
from polymarket_markets
order by
    closed is true or is_listed is false,
    volume_24h_usd desc nulls last,
    volume_usd desc nulls last,
    condition_id

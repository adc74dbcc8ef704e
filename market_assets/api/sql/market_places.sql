-- Every market that is asked for: where it lies, and the lower half of its id (`market_rows.sql`), in
-- the order of an answer: those that are open and listed, and most traded first.
select
    rowid as place,
    id
from (
    select
        *,
        rowid,
        hash(condition_id) & 4294967295 as id,
        lower(concat_ws(' ', question, slug)) as text
    from polymarket_markets
)
where {condition}
order by
    closed is true or is_listed is false,
    volume_24h_usd desc nulls last,
    volume_usd desc nulls last,
    condition_id
limit $most

-- Every market between two places: which one it is, whether its text is known, and what its rank is
-- made from. The upper half of an id is the number that its condition begins with, so that ids are
-- in the order of conditions; the lower half is a hash.
select
    rowid as place,
    coalesce(
        (try_cast(substr(condition_id, 1, 10) as uinteger)::ubigint << 32)
            | (hash(condition_id) & 4294967295),
        hash(condition_id)
    ) as id,
    (hash(question, slug) >> 32)::uinteger as hash,
    closed is true or is_listed is false as is_last,
    coalesce(volume_24h_usd, 0) as day,
    volume_24h_usd is not null as has_day,
    coalesce(volume_usd, 0) as total,
    volume_usd is not null as has_total
from polymarket_markets
where rowid between $first and $last

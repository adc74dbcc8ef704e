-- Every market between two places: what `market_rows.sql` says, what is searched in, and whether the
-- upper half of its id says where it stands among others.
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
    volume_usd is not null as has_total,
    regexp_matches(condition_id, '^0x[0-9a-f]{8}') as is_sorted,
    lower(concat_ws(' ', question, slug)) as text
from polymarket_markets
where rowid between $first and $last

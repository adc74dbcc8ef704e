-- Every link between two places, and the lower half of the id of its market.
select
    rowid as place,
    (hash(condition_id) & 4294967295)::uinteger as id
from polymarket_market_asset_links
where rowid between $first and $last

-- The symbols that the given markets are about.
select condition_id, list(symbol order by confidence desc, symbol) as symbols
from polymarket_market_asset_links
where condition_id in (select unnest($condition_ids))
group by condition_id

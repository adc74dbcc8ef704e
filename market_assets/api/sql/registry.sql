-- One row per asset, with the names of the categories that it is in.
select
    assets.*,
    coalesce(grouped.categories, []) as categories
from hyperliquid_assets as assets
left join (
    select symbol, list(category order by category) as categories
    from hyperliquid_asset_categories
    group by symbol
) as grouped using (symbol)
order by assets.symbol

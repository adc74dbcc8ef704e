-- Grain: one row per asset of the registry. Key: symbol.
-- An asset is taken to be delisted from when the registry says so: its row changed then.
select
    symbol,
    first_seen_at,
    case
        when is_delisted then coalesce(updated_at, first_seen_at)
        when is_listed = false then coalesce(missing_since, updated_at, first_seen_at)
    end as delisted_at,
from hyperliquid_assets

-- Grain: one row per asset context of the last half hour with a rate beyond 4 % an hour. Key:
-- symbol, observed_at.
select
    symbol,
    observed_at,
    funding_rate,
from hyperliquid_asset_contexts
where observed_at > $now - interval '30 minutes' and abs(funding_rate) > 0.04
order by symbol, observed_at

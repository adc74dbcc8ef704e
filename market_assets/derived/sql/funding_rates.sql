-- Grain: one row per symbol and funding payment of the week before the newest one. Key: symbol,
-- funding_at. Three hours more than a week: the newest rate may be that old.
select *
from hyperliquid_funding_rates
where funding_at > $as_of - interval '171 hours' and funding_at <= $as_of

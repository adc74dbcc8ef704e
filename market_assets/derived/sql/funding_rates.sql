-- Grain: one row per symbol and funding payment of the week before the newest one. Key: symbol,
-- funding_at. Four hours more than a week: the newest rate may be three
-- hours older than the context, and that is not of this minute either.
select *
from hyperliquid_funding_rates
where funding_at > $as_of - interval '172 hours' and funding_at <= $as_of

-- Grain: one row per payment beyond 4 % for each hour that it pays for. Key: symbol, funding_at.
-- Only of payments that are new here: nothing can change one that is not.
select
    symbol,
    funding_at,
    funding_rate,
    interval_hours,
from hyperliquid_funding_rates
where ingested_at > $now - interval '1 day' and abs(funding_rate) > 0.04 * interval_hours
order by symbol, funding_at

-- Grain: one row per payment beyond 4 % for each hour that it pays for. Key: symbol, funding_at.
select
    symbol,
    funding_at,
    funding_rate,
    interval_hours,
from hyperliquid_funding_rates
where abs(funding_rate) > 0.04 * interval_hours
order by symbol, funding_at

-- Grain: one row per fill of the last day whose figures cannot be. Key: trade_key.
select
    trade_key,
    side,
    price,
    size,
    notional_usd,
from polymarket_trades
where traded_at > $now - interval '1 day'
  and (price <= 0 or price > 1 or size <= 0 or side not in ('BUY', 'SELL')
       or abs(notional_usd - price * size) > 1e-6 * greatest(1, notional_usd))
order by trade_key

create macro candles(symbol, "interval") as table
-- Inside, the columns have other names than the parameters, which would hide them.
select * rename (its_symbol as symbol, its_interval as "interval")
from (
    select * rename (symbol as its_symbol, "interval" as its_interval)
    from hyperliquid_candles_all
)
where its_symbol = symbol and its_interval = "interval"
order by open_at

create macro funding_between(symbol, a, b) as table
-- Inside, the column has another name than the parameter, which would hide it.
select * rename (its_symbol as symbol)
from (
    select * rename (symbol as its_symbol)
    from hyperliquid_funding_rates_all
)
where its_symbol = symbol and funding_at >= a::timestamptz and funding_at <= b::timestamptz
order by funding_at

create view latest_prices as
with
    newest_mids as (
        select symbol, max(bucket_at) as priced_at, arg_max(mid, bucket_at) as price
        from hyperliquid_mid_prices
        group by symbol
    ),

    newest_closes as (
        select symbol, max(close_at) as priced_at, arg_max(close, close_at) as price
        from hyperliquid_candles
        where is_closed
        group by symbol
    )

select
    coalesce(m.symbol, c.symbol) as symbol,
    if(is_close, c.price, m.price) as price,
    if(is_close, c.priced_at, m.priced_at) as priced_at
from (
    select
        m,
        c,
        m.priced_at is null or coalesce(c.priced_at > m.priced_at + to_minutes(1), false) as is_close
    from newest_mids as m
    full join newest_closes as c on m.symbol = c.symbol
)
order by symbol

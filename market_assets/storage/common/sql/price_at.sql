create macro price_at(symbol, instant) as (
    -- Inside, the columns have other names than the parameters, which would hide them. Each table is
    -- filtered by itself, so that DuckDB skips what is of other symbols or later.
    select coalesce(newest_mid.price, newest_close.price)
    from
        (
            select arg_max(mid, bucket_at) as price
            from (
                select m.symbol as its_symbol, m.bucket_at, m.mid
                from hyperliquid_mid_prices_all as m
            )
            where its_symbol = symbol and bucket_at <= instant::timestamptz
        ) as newest_mid,
        (
            select arg_max(close, close_at) as price
            from (
                select c.symbol as its_symbol, c.open_at, c.close_at, c.close, c.is_closed
                from hyperliquid_candles_all as c
            )
            where
                its_symbol = symbol
                and is_closed
                -- Follows from the next line; by `open_at` the archive's days are told apart.
                and open_at < instant::timestamptz
                and close_at <= instant::timestamptz
        ) as newest_close
)

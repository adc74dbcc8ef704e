-- Grain: one row per 1-minute candle of the last two hours whose close is more than 10 % away from
-- that of the minute before, and from the mark price that the exchange gave next. Key: symbol,
-- open_at. A move that the mark price went along with is one; a price that was back before the next
-- context came is an outlier. Where no context came within ten minutes nothing is said.
with closes as (
    select
        symbol,
        open_at,
        close_at,
        close,
        lag(close) over neighbours as before,
        lag(open_at) over neighbours as before_at,
    from hyperliquid_candles
    where interval = '1m' and is_closed and open_at > $now - interval '2 hours'
    window neighbours as (partition by symbol order by open_at)
),

jumps as (
    select
        symbol,
        open_at,
        close_at,
        before,
        close,
        close / before - 1 as move_rate,
    from closes
    where open_at = before_at + interval '1 minute' and round(abs(close / before - 1), 9) > 0.1
),

final as (
    select
        jumps.*,
        min_by(contexts.mark_px, contexts.observed_at) as mark_px,
        min(contexts.observed_at) as marked_at,
    from jumps
    inner join hyperliquid_asset_contexts as contexts
        on
            jumps.symbol = contexts.symbol
            and contexts.mark_px is not null
            and contexts.observed_at >= jumps.close_at
            and contexts.observed_at < jumps.close_at + interval '10 minutes'
    group by all
)

select
    symbol,
    open_at,
    before,
    close,
    move_rate,
    mark_px,
    marked_at,
from final
where abs(mark_px / close - 1) > 0.1
order by open_at, symbol

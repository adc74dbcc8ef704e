-- Grain: one row per perpetual whose open interest fell by more than half and has stayed below for
-- two contexts in a row, seen at the latest one. Key: symbol. A market that is settled looks like
-- this, and so does a figure in another unit.
-- One position that is closed halves a small market: only those of a million dollars count, at the
-- oracle price, or the mark where there is none. One odd context is none: both of the latest two
-- are less than half of the one before them.
with ranked as (
    select
        symbol,
        observed_at,
        open_interest,
        open_interest * coalesce(oracle_px, mark_px) as notional,
        row_number() over (partition by symbol order by observed_at desc) as nth
    from hyperliquid_asset_contexts
    where
        observed_at > $now - interval '25 minutes'
        and open_interest is not null
        and not is_delisted
)

select
    latest.symbol,
    before.open_interest as open_interest_before,
    latest.open_interest,
    latest.observed_at,
from ranked as latest
inner join ranked as between_them
    on latest.symbol = between_them.symbol and latest.nth = 1 and between_them.nth = 2
inner join ranked as before
    on latest.symbol = before.symbol and before.nth = 3
where
    latest.open_interest < 0.5 * before.open_interest
    and between_them.open_interest < 0.5 * before.open_interest
    and before.notional >= 1e6
order by latest.symbol

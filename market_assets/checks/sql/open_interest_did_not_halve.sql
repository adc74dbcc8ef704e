-- Grain: one row per perpetual whose open interest fell by more than half from one context to the
-- next, seen at the latest one. Key: symbol. A market that is settled looks like this, and so does
-- a figure in another unit.
with ranked as (
    select
        symbol,
        observed_at,
        open_interest,
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
inner join ranked as before
    on latest.symbol = before.symbol and latest.nth = 1 and before.nth = 2
where latest.open_interest < 0.5 * before.open_interest
order by latest.symbol

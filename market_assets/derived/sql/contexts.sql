-- Grain: one row per symbol and asset context that a feature may need: those of now, and those
-- around an hour and a day before. Key: symbol, observed_at.
-- The spans are those within which a context may be "now" (its channel's freshness window is
-- 10 minutes) or "then" (thresholds allow 10 and 30 minutes), and a little more.
select *
from hyperliquid_asset_contexts
where
    observed_at <= $as_of
    and (
        observed_at > $as_of - interval '20 minutes'
        or observed_at between $as_of - interval '95 minutes' and $as_of - interval '60 minutes'
        or observed_at between $as_of - interval '25 hours' and $as_of - interval '24 hours'
    )

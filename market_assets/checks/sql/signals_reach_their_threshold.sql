-- Grain: one row per signal that is none. Key: signal_id.
select
    signal_id,
    kind,
    score,
    threshold,
    detail,
from polymarket_signal_events
where
    kind not in (
        'large_trade',
        'volume_spike',
        'open_interest_jump',
        'spread_blowout',
        'book_imbalance',
        'price_jump',
        'complement_arbitrage',
        'negative_risk_arbitrage',
        'asset_divergence'
    )
    or score < threshold
    or (case when json_valid(detail) then json_type(detail) end) is distinct from 'OBJECT'

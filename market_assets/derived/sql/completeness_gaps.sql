-- Grain: one row per gap of a series that touches some days. Key: symbol, gap_from_at.
select
    symbol,
    cause,
    gap_from_at,
    gap_to_at,
    healed_at,
    healed_rows,
from ingestion_gaps
where source = 'hyperliquid' and channel = $channel
  and gap_to_at > $since and gap_from_at < $until

-- Grain: one row per hole in the feed of trades that has been known for over an hour. Key: symbol,
-- gap_from_at. One that the venue cannot serve (cause `unreadable`) stays open for good: it is told
-- for a day.
select
    symbol,
    gap_from_at,
    gap_to_at,
    cause,
    detected_at,
from ingestion_gaps
where source = 'polymarket' and channel = 'trades' and healed_at is null
  and detected_at < $now - interval '1 hour'
  and (cause <> 'unreadable' or detected_at > $now - interval '1 day')
order by gap_from_at

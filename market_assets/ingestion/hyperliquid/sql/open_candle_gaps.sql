-- Holes in candles that are open, that the stream has had its time for, and that are over.
select *
from ingestion_gaps
where
    source = 'hyperliquid'
    and list_contains($channels, channel)
    and healed_at is null
    and detected_at < $found_before
    and gap_to_at < $ended_before
order by gap_from_at desc, symbol

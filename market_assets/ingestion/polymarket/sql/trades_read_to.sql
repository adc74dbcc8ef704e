-- Up to where a channel has read: the newest trade that one of its attempts committed, but no later
-- than the attempt began. NULL if there is no attempt with trades.
select max(least(event_to_at, started_at)) as read_to_at
from ingestion_runs
where source = $source and channel = $channel and asset_key = $asset;

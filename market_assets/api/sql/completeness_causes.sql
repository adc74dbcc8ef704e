-- Grain: one row per channel, day since $since and cause, of the gaps that touch the day.
-- Key: channel, day, cause.
with gaps as (
    select
        channel,
        cause,
        healed_at,
        unnest(
            generate_series(
                greatest(gap_from_at::date, $since),
                least(gap_to_at - interval '1 microsecond', $now)::date,
                interval '1 day'
            )
        )::date as day,
    from ingestion_gaps
    where source = 'hyperliquid' and gap_to_at > $since
)

select
    channel,
    day,
    cause,
    count(*) as gaps,
    count(*) filter (healed_at is null) as open_gaps,
from gaps
group by channel, day, cause
order by channel, day, gaps desc, cause

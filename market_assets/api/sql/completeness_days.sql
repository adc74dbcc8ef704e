-- Grain: one row per series and day since $since, over all assets. Key: table_name, interval, day.
select
    table_name,
    "interval",
    day,
    count(*) as assets,
    count(*) filter (completeness_pct < 100) as assets_with_holes,
    sum(expected_rows)::bigint as expected_rows,
    sum(present_rows)::bigint as present_rows,
    sum(healed_rows)::bigint as healed_rows,
    sum(lost_rows)::bigint as lost_rows,
    100.0 * sum(least(present_rows, expected_rows)) / nullif(sum(expected_rows), 0)
        as completeness_pct,
    max(updated_at) as updated_at,
from data_completeness
where day >= $since
group by table_name, "interval", day
order by table_name, "interval", day

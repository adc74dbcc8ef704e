-- kinds of which more than a fifth was listed before the latest refresh and is not now; key: kind.
with
latest as (
    select max(ingested_at) as refreshed_at
    from defillama_subjects
),
gone as (
    select
        kind,
        count(*) filter (where is_listed) as listed,
        count(*) filter (where not is_listed and ingested_at = (select refreshed_at from latest)) as gone,
    from defillama_subjects
    group by kind
)
select
    kind,
    listed,
    gone,
from gone
where gone > 0.2 * (listed + gone)

-- tracked subjects without a row of the latest hour; key: subject_id.
select
    subject_id,
    name,
from defillama_subjects
where
    is_tracked
    and subject_id not in (
        select subject_id
        from defillama_capital_base
        where as_of = (select max(as_of) from defillama_capital_base)
    )

-- Chains and protocols of which an id, name or token has all the words: an exact hit first, then
-- those that are tracked, then the shortest name.
select subjects.*
from defillama_subjects as subjects
where
    len(list_filter(
        $words,
        lambda word: not contains(
            lower(concat_ws(' ', subjects.subject_id, subjects.name, subjects.token_symbol)), word
        )
    )) = 0
order by
    $phrase in (lower(subjects.slug), lower(subjects.name), lower(subjects.token_symbol)) desc,
    subjects.is_tracked is true desc,
    length(subjects.name),
    subjects.subject_id
limit $most

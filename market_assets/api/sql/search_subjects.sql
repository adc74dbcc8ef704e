-- Every chain and protocol: where it lies and what is searched in, in the order of an answer: those
-- that are tracked first, then the shortest name.
select
    rowid as place,
    lower(concat_ws(' ', subject_id, name, token_symbol)) as words,
    [lower(slug), lower(name), lower(token_symbol)] as names
from defillama_subjects
order by
    is_tracked is true desc,
    length(name),
    subject_id

-- Whether something of what run $1 goes on with may be forgotten: a run since the first of those it resumes is pruned.
with recursive chain as (
    select id, resumes, pipeline from diner.run where id = $1::bigint
    union all
    select r.id, r.resumes, r.pipeline from diner.run r join chain c on r.id = c.resumes
)
select exists (select
               from diner.run p
               where p.pipeline = any (select pipeline from chain) and p.id >= (select min(id) from chain)
                 and p.pruned_at is not null)

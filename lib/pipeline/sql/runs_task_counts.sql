-- How many tasks, and how many of them that are parts are in which state; steps of a job as well.
select count(*), count(*) filter (where t.stream <> ''),
       count(*) filter (where t.stream <> '' and t.state = 'done'),
       count(*) filter (where t.stream <> '' and t.state = 'leased'),
       count(*) filter (where t.stream <> '' and t.state in ('held', 'waiting')),
       count(*) filter (where t.stream <> '' and t.state = 'failed')
from diner.task t
join diner.run r on r.id = t.run_id
where r.id = $1::bigint or r.parent_id = $1::bigint

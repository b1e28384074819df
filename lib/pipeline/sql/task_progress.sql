select count(*) filter (where t.state = 'held'), count(*) filter (where t.state in ('waiting', 'leased')),
       count(*) filter (where t.state = 'failed'), count(*) filter (where t.state = 'done'), count(*),
       (select coalesce(sum(s.read), 0) from diner.run_slice s
        where s.run_id = $1::bigint and s.stream = $2 and s.status = 'succeeded')
from diner.task t
where t.run_id = $1::bigint and t.stream = $2

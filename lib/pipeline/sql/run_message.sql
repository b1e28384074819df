-- $1 the message that asks for a run: the last run that it led to, and whether it is done with.
select id, status in ('succeeded', 'partial')
from diner.run
where message_id = $1
order by id desc
limit 1

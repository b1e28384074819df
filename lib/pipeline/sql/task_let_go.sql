-- The first $3 of those that are still held; 0: all.
update diner.task
set state = 'waiting'
where id in (select id from diner.task
             where run_id = $1::bigint and stream = $2 and state = 'held'
             order by id
             limit nullif($3::integer, 0))

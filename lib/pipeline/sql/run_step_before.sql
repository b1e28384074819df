-- How a step of the job that is resumed ended.
select id, status from diner.run where parent_id = $1::bigint and pipeline = $2 order by id desc limit 1

select name, value from diner.state where pipeline = $1 and stream = $2 and child = $3 and name like 'file:%'
order by updated_at, run_id

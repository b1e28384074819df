select name, value from diner.state where pipeline = $1 and stream = $2 and name like $3 order by name

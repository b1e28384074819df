delete from diner.state where pipeline = $1 and stream = $2 and child = $3 and name = $4

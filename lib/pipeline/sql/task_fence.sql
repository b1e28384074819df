-- Whether task $1 is still ours under attempt $2: nobody can take it until we commit.
select 1 from diner.task where id = $1::bigint and attempt = $2::integer and state = 'leased' for update

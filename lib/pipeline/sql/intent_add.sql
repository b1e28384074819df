insert into diner.intent (pipeline, stream, run_id, connector, resource, body, nrows)
values ($1, $2, $3::bigint, $4, $5, $6, $7::integer)

insert into diner.run (pipeline, params, host, pid, parent_id, resumes, options, trace_id, shard,
                       message_id)
values ($1, $2::jsonb, $3, $4::integer, $5::bigint, $6::bigint, $7::jsonb, $8, $9, $10)
returning id

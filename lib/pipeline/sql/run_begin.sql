insert into diner.run (pipeline, params, host, pid, parent_id, resumes, options, trace_id, shard,
                       message_id, is_distributed, status)
values ($1, $2::jsonb, $3, $4::integer, $5::bigint, $6::bigint, $7::jsonb, $8, $9, $10, $11::boolean, $12)
returning id

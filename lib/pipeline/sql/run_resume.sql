select coalesce(options->>'file', pipeline), status, coalesce(parent_id, 0),
       options->>'from', options->>'to', options->>'only',
       (options->>'full_refresh')::boolean, (options->>'strict')::boolean,
       (options->>'verify')::boolean, (options->>'shard_index')::bigint,
       (options->>'shard_count')::bigint,
       coalesce(options->>'ask', pipeline), options->>'definition',
       (options->>'started_us')::bigint, (options->>'asked_us')::bigint
from diner.run
where id = $1::bigint

select id, stream, idempotency_key, connector, resource, body, nrows
from diner.intent
where pipeline = $1 and ($2::text is null or stream = $2) and status = 'pending'
order by id

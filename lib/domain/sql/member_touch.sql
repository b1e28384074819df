-- $1 id: something that belongs to the member changed
UPDATE app.members m SET updated_at = now() WHERE m.id = $1::bigint

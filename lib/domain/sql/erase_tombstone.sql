-- $1 hash, $2 kind, $3 ids
INSERT INTO app.member_tombstones (hash, kind, member_id)
SELECT $1, $2, m.id FROM app.members m WHERE m.id = ANY ($3::bigint[]) AND m.merged_into IS NULL
ON CONFLICT DO NOTHING

-- $1 hash of the phone or $2 the phone (null: any), $3 status (null: any), $4 and $5 bounds of
-- updated_at (inclusive, exclusive; null: any), $6 in full
SELECT app.member_document(m, $6::boolean, NULL)::text, :keys
FROM app.members m
WHERE (coalesce($1::text, $2::text) IS NULL
       OR m.id IN (SELECT app.member_root(p.id) FROM app.members p
                   WHERE p.phone_hash = $1 OR p.phone = $2))
  AND ($3::text IS NULL OR m.status = $3)
  AND ($4::timestamptz IS NULL OR m.updated_at >= $4::timestamptz)
  AND ($5::timestamptz IS NULL OR m.updated_at < $5::timestamptz)
  AND :after
:order
:rows

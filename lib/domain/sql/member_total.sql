SELECT count(*)
FROM app.members m
WHERE (coalesce($1::text, $2::text) IS NULL
       OR m.id IN (SELECT app.member_root(p.id) FROM app.members p
                   WHERE p.phone_hash = $1 OR p.phone = $2))
  AND ($3::text IS NULL OR m.status = $3)
  AND ($4::timestamptz IS NULL OR m.updated_at >= $4::timestamptz)
  AND ($5::timestamptz IS NULL OR m.updated_at < $5::timestamptz)

-- $1 kind, $2 reference, $3 member id, $4 points (null: any), $5 what it undoes: the entry under that
-- reference, and whether it is the same
SELECT l.id,
       l.member_id = $3::bigint AND l.origin_id IS NOT DISTINCT FROM $5::bigint
       AND ($4::bigint IS NULL OR abs(l.amount) + l.forgone = abs($4::bigint))
FROM app.points_log l
WHERE l.kind = $1 AND l.ref = $2

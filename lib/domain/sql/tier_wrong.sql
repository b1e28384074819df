-- $1 tiers, $2 from how many points on each, $3 window, $4 after this member, $5 at most so many: whose
-- level is not what they earned
WITH tier AS (
    SELECT * FROM unnest($1::text[], $2::bigint[]) AS t (name, start)
), earned AS (
    SELECT member_id, points FROM app.points_earned_by_all(clock_timestamp() - $3::interval)
)
SELECT m.id
FROM app.members m
JOIN tier old ON old.name = m.level
LEFT JOIN earned e ON e.member_id = m.id
CROSS JOIN LATERAL (SELECT max(t.start) AS start FROM tier t
                    WHERE t.start <= greatest(e.points, 0)) wanted
WHERE m.status = 'active' AND wanted.start <> old.start AND m.id > $4::bigint
ORDER BY m.id
LIMIT $5::bigint

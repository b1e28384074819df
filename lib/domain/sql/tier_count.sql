-- $1 tiers, $2 from how many points on each, $3 window: how many would rise, and fall
WITH tier AS (
    SELECT * FROM unnest($1::text[], $2::bigint[]) AS t (name, start)
), earned AS (
    SELECT member_id, points FROM app.points_earned_by_all(clock_timestamp() - $3::interval)
)
SELECT count(*) FILTER (WHERE wanted.start > old.start), count(*) FILTER (WHERE wanted.start < old.start)
FROM app.members m
JOIN tier old ON old.name = m.level
LEFT JOIN earned e ON e.member_id = m.id
CROSS JOIN LATERAL (SELECT max(t.start) AS start FROM tier t
                    WHERE t.start <= greatest(e.points, 0)) wanted
WHERE m.status = 'active'

-- $1 member id, $2 tiers, $3 from how many points on each, $4 window, $5 whether the level may fall: the
-- level by what was earned in the window; whether it rose, no row when it is right. Who holds the
-- member is not waited for.
WITH tier AS (
    SELECT * FROM unnest($2::text[], $3::bigint[]) AS t (name, start)
), wanted AS (
    SELECT t.name, t.start
    FROM tier t
    WHERE t.start <= greatest(app.points_earned($1::bigint, clock_timestamp() - $4::interval), 0)
    ORDER BY t.start DESC
    LIMIT 1
), wrong AS (
    SELECT m.id, w.name, w.start > old.start AS rises
    FROM app.members m
    JOIN tier old ON old.name = m.level
    CROSS JOIN wanted w
    WHERE m.id = $1::bigint AND m.status = 'active' AND w.name <> m.level
      AND ($5::boolean OR w.start > old.start)
    FOR NO KEY UPDATE OF m SKIP LOCKED
)
UPDATE app.members m
SET level = w.name, version = m.version + 1,
    updated_at = greatest(clock_timestamp(), m.updated_at + interval '1 microsecond')
FROM wrong w
WHERE m.id = w.id
RETURNING w.rises

-- What a person has earned since then, less what was taken back: under its own number and those of all who
-- were merged into it.
CREATE OR REPLACE FUNCTION app.points_earned(p_member bigint, p_since timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE one (id) AS (
        SELECT p_member
        UNION ALL
        SELECT m.id FROM one JOIN app.members m ON m.merged_into = one.id
    )
    SELECT coalesce(sum(l.amount), 0)::bigint
    FROM app.points_log l
    WHERE l.member_id IN (SELECT id FROM one)
      AND l.kind IN ('earn', 'clawback') AND l.created_at >= p_since
$$;

-- The same of everybody, each once.
CREATE FUNCTION app.points_earned_by_all(p_since timestamptz) RETURNS TABLE (member_id bigint, points bigint)
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN m.merged_into IS NULL THEN m.id ELSE app.member_root(m.id) END AS id,
           sum(e.points)::bigint
    FROM (SELECT l.member_id, sum(l.amount) AS points
          FROM app.points_log l
          WHERE l.kind IN ('earn', 'clawback') AND l.created_at >= p_since
          GROUP BY l.member_id) e
    JOIN app.members m ON m.id = e.member_id
    GROUP BY 1
$$;

-- $1 member number, $2 tiers, $3 from how many points on each, $4 window
WITH member AS (
    SELECT m.id, m.member_no, m.level,
           app.points_earned(m.id, clock_timestamp() - $4::interval) AS earned
    FROM app.members m
    WHERE m.id = (SELECT app.member_root(n.id) FROM app.members n WHERE n.member_no = $1)
), tier AS (
    SELECT * FROM unnest($2::text[], $3::bigint[]) AS t (name, start)
)
SELECT json_build_object(
           'member_no', m.member_no,
           'level', m.level,
           'earned', m.earned,
           'by_hand', NOT EXISTS (SELECT FROM tier t WHERE t.name = m.level),
           'next', (SELECT json_build_object('level', t.name, 'missing', t.start - greatest(m.earned, 0))
                    FROM tier t
                    WHERE t.start > greatest(m.earned, 0)
                      AND t.start > (SELECT o.start FROM tier o WHERE o.name = m.level)
                    ORDER BY t.start LIMIT 1),
           'history', (SELECT coalesce(json_agg(json_build_object(
                                  'from', h.from_level,
                                  'to', h.to_level,
                                  'at', to_char(h.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
                              ORDER BY h.id DESC), '[]'::json)
                       FROM (SELECT * FROM app.tier_history h WHERE h.member_id = m.id
                             ORDER BY h.id DESC LIMIT 100) h))::text
FROM member m

-- $1 member number: the balance and what of it is over when; an account that was never used is
-- empty. What is over and was not taken out yet counts for nothing.
WITH held AS (
    SELECT l.expires_at, sum(l.remain) AS points
    FROM app.points_lots l
    WHERE l.member_id = (SELECT app.member_root(m.id) FROM app.members m WHERE m.member_no = $1)
      AND l.remain > 0
    GROUP BY l.expires_at
), valid AS (
    SELECT h.points, to_char(h.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS expires_at,
           row_number() OVER (ORDER BY h.expires_at) AS place
    FROM held h
    WHERE h.expires_at IS NULL OR h.expires_at > clock_timestamp()
)
SELECT json_build_object(
           'member_no', m.member_no,
           'level', m.level,
           'balance', coalesce(p.balance, 0)
                      - (SELECT coalesce(sum(h.points), 0) FROM held h
                         WHERE h.expires_at <= clock_timestamp()),
           'lots', (SELECT coalesce(json_agg(json_build_object('points', v.points,
                                                               'expires_at', v.expires_at)
                                             ORDER BY v.place), '[]'::json)
                    FROM valid v),
           'next_expiry', (SELECT json_build_object('points', v.points, 'expires_at', v.expires_at)
                           FROM valid v WHERE v.place = 1 AND v.expires_at IS NOT NULL),
           'version', coalesce(p.version, 0),
           'updated_at', to_char(p.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
FROM app.members m
LEFT JOIN app.points p ON p.member_id = m.id
WHERE m.id = (SELECT app.member_root(n.id) FROM app.members n WHERE n.member_no = $1)

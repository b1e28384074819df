-- $1 at most so many members, each left out that somebody else is at: how many were looked at, and
-- what of theirs was over
SELECT cardinality(b.members), e.lots, e.points
FROM (SELECT ARRAY(SELECT p.member_id
                   FROM app.points p
                   WHERE EXISTS (SELECT FROM app.points_lots l
                                 WHERE l.member_id = p.member_id AND l.remain > 0
                                   AND l.expires_at <= clock_timestamp())
                   LIMIT $1::bigint
                   FOR UPDATE OF p SKIP LOCKED) AS members
      OFFSET 0) b,
     app.points_expire(b.members) e

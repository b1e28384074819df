-- $1 number: everybody who is this person, and how many records there are about them
WITH RECURSIVE person AS (
    SELECT app.member_root(m.id) AS id FROM app.members m WHERE m.member_no = $1
    UNION ALL
    SELECT m.id FROM person p JOIN app.members m ON m.merged_into = p.id
)
SELECT coalesce(array_agg(p.id ORDER BY p.id), '{}')::text,
       (SELECT count(*) FROM app.orders o WHERE o.member_id = ANY (array_agg(p.id)))
       + (SELECT count(*) FROM app.wallet_log l WHERE l.member_id = ANY (array_agg(p.id)))
       + (SELECT count(*) FROM app.points_log l WHERE l.member_id = ANY (array_agg(p.id)))
FROM person p

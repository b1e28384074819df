-- $1 and $2 numbers: both members, locked in the order of their ids
SELECT m.id, m.member_no, m.status,
       (SELECT o.member_no FROM app.members o WHERE o.id = m.merged_into)
FROM app.members m
WHERE m.member_no IN ($1, $2)
ORDER BY m.id
FOR NO KEY UPDATE OF m

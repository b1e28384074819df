-- $1 ids: one person's members, locked; whether the data was erased before
SELECT m.member_no, m.status = 'erased'
FROM app.members m
WHERE m.id = ANY ($1::bigint[])
ORDER BY m.id
FOR UPDATE OF m

-- $1 number: its own record, whatever it leads to; held as it is
SELECT m.id, m.status, (SELECT o.member_no FROM app.members o WHERE o.id = m.merged_into)
FROM app.members m
WHERE m.member_no = $1
FOR SHARE OF m

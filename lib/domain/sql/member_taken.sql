-- $1 number, $2 phone: how many others have it
SELECT count(*) FROM app.members m WHERE m.phone = $2 AND m.member_no <> $1

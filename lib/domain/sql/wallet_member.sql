-- $1 member number: who it stands for, held
SELECT m.id, m.status FROM app.member_hold($1) m

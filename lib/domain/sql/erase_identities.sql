-- $1 ids
DELETE FROM app.member_identities i WHERE i.member_id = ANY ($1::bigint[])

-- $1 merge: the phone that moves, if one does
SELECT g.moved ->> 'phone' FROM app.member_merges g WHERE g.id = $1::bigint

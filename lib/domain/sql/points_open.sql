-- $1 member id: the account, locked and without what is over; its balance
SELECT app.points_open($1::bigint)

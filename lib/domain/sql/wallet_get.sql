-- $1 member number: what is in the wallet; one that was never used is empty
SELECT json_build_object(
           'member_no', s.member_no,
           'currency', coalesce(w.currency, 'CNY'),
           'balance', coalesce(w.balance, 0)::numeric(12,2)::text,
           'version', coalesce(w.version, 0),
           'updated_at', to_char(w.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
FROM app.members m
JOIN app.members s ON s.id = app.member_root(m.id)
LEFT JOIN app.wallets w ON w.member_id = s.id
WHERE m.member_no = $1

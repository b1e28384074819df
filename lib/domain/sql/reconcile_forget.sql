-- $1 reconciliation: its totals of before
DELETE FROM app.reconciliation_totals WHERE reconciliation_id = $1::bigint

-- $1 channel, $2 day, $3 hash: the reconciliation that these three are, from now on the one that counts
INSERT INTO app.reconciliations (channel, bill_date, bill_hash)
VALUES ($1, $2::date, $3)
ON CONFLICT ON CONSTRAINT reconciliations_bill_key
DO UPDATE SET is_current = true, updated_at = clock_timestamp()
RETURNING id

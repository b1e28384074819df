-- $1 channel, $2 day, $3 hash: another bill of that day does not count any more
UPDATE app.reconciliations SET is_current = false, updated_at = clock_timestamp()
WHERE channel = $1 AND bill_date = $2::date AND is_current AND bill_hash <> $3

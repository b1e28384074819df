-- $1 only this one (null: whichever is due first): takes the lease of one that nobody holds.
UPDATE app.sagas g
SET epoch = g.epoch + 1, lease_until = clock_timestamp() + interval '1 minute',
    updated_at = clock_timestamp()
WHERE g.id = (SELECT d.id FROM app.sagas d
              WHERE d.status IN ('running', 'compensating') AND d.lease_until < clock_timestamp()
                AND ($1::bigint = d.id OR ($1::bigint IS NULL AND d.next_at <= clock_timestamp()))
              ORDER BY d.next_at
              LIMIT 1
              FOR UPDATE SKIP LOCKED)
RETURNING g.id, g.epoch

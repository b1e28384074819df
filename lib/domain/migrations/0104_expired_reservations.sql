-- However many reservations have expired, those of what is wanted hold nothing back; and no amount of
-- money is NaN, which numeric(12,2) takes and every lower bound lets through.

-- Locks the stock that is needed, and ends what reservations of the store have expired, so that they
-- hold nothing back from that instant on, whoever sweeps: all of those that hold what is needed, and
-- some others. Reservations are locked before stock, in the order of ids. Who works on one that holds
-- what is needed is waited for, else its stock could be missed that is about to come free; but not by
-- whoever has locked a reservation already (p_reservation), lest two wait for each other. Also locks
-- the lines of p_reservation (null: none).
CREATE OR REPLACE FUNCTION app.stock_prepare(p_store bigint, p_products bigint[],
                                             p_reservation bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    due bigint[];
BEGIN
    IF EXISTS (SELECT FROM app.reservations r
               WHERE r.store_id = p_store AND r.status = 'active'
                 AND r.expires_at <= clock_timestamp()) THEN
        IF p_reservation IS NULL THEN
            due := ARRAY(SELECT r.id FROM app.reservations r
                         WHERE r.store_id = p_store AND r.status = 'active'
                           AND r.expires_at <= clock_timestamp()
                           AND EXISTS (SELECT FROM app.reservation_lines l
                                       WHERE l.reservation_id = r.id
                                         AND l.product_id = ANY (p_products))
                         ORDER BY r.id
                         FOR UPDATE);
        ELSE
            due := ARRAY(SELECT r.id FROM app.reservations r
                         WHERE r.store_id = p_store AND r.status = 'active'
                           AND r.expires_at <= clock_timestamp()
                           AND r.id <> p_reservation
                           AND EXISTS (SELECT FROM app.reservation_lines l
                                       WHERE l.reservation_id = r.id
                                         AND l.product_id = ANY (p_products))
                         ORDER BY r.id
                         FOR UPDATE SKIP LOCKED);
        END IF;
        due := due || ARRAY(SELECT r.id FROM app.reservations r
                            WHERE r.store_id = p_store AND r.status = 'active'
                              AND r.expires_at <= clock_timestamp()
                              AND r.id IS DISTINCT FROM p_reservation
                              AND r.id <> ALL (due)
                            ORDER BY r.id LIMIT 100
                            FOR UPDATE SKIP LOCKED);
    END IF;
    IF p_reservation IS NOT NULL OR coalesce(cardinality(due), 0) > 0 THEN
        p_products := p_products || ARRAY(SELECT l.product_id FROM app.reservation_lines l
                                          WHERE l.reservation_id = ANY (due || p_reservation));
    END IF;
    PERFORM app.stock_lock(p_store, p_products);
    IF coalesce(cardinality(due), 0) > 0 THEN
        PERFORM app.reservation_close(due, 'expired', NULL);
    END IF;
END
$$;

-- NOT VALID: rows that there are are not read, so that one that is wrong already does not stop this.
ALTER TABLE app.payments ADD CONSTRAINT payments_amount_number CHECK (amount <> 'NaN') NOT VALID;
ALTER TABLE app.refunds ADD CONSTRAINT refunds_amount_number CHECK (amount <> 'NaN') NOT VALID;
ALTER TABLE app.wallet_log ADD CONSTRAINT wallet_log_amount_number CHECK (amount <> 'NaN') NOT VALID;

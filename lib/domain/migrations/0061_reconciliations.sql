-- What the books of a payment channel and ours said of each other, day by day. A bill is compared
-- whole, in one transaction; compared again, its result takes the place of the earlier one, but for
-- what a person has dealt with.

-- Our side of a day, and what it is looked up by on all days.
CREATE INDEX idx_payments_books ON app.payments (method, paid_at) WHERE paid_at IS NOT NULL;
CREATE INDEX idx_payments_transaction ON app.payments (transaction_id)
    WHERE transaction_id IS NOT NULL;
CREATE INDEX idx_refunds_books ON app.refunds (accepted_at) WHERE accepted_at IS NOT NULL;

CREATE TABLE app.reconciliations (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel     text NOT NULL,
    -- A civil day of Asia/Shanghai, as the channels have it.
    bill_date   date NOT NULL,
    -- SHA-256 of the bill; of several, of theirs in order; of nothing when the day has none.
    bill_hash   text NOT NULL,
    -- The last of its day: another bill of the same day takes its place.
    is_current  boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reconciliations_bill_key UNIQUE (channel, bill_date, bill_hash)
);
CREATE UNIQUE INDEX idx_reconciliations_current ON app.reconciliations (channel, bill_date)
    WHERE is_current;

-- How many rows, and how much, fell into each class, on either side.
CREATE TABLE app.reconciliation_totals (
    reconciliation_id bigint NOT NULL REFERENCES app.reconciliations (id),
    kind         text NOT NULL,
    class        text NOT NULL,
    channel_rows bigint NOT NULL,
    channel_fen  bigint NOT NULL,
    local_rows   bigint NOT NULL,
    local_fen    bigint NOT NULL,
    fee_e5       bigint NOT NULL,
    CONSTRAINT reconciliation_totals_pkey PRIMARY KEY (reconciliation_id, kind, class)
);

CREATE TABLE app.differences (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reconciliation_id bigint NOT NULL REFERENCES app.reconciliations (id),
    kind           text NOT NULL,
    -- The merchant's number of the payment or refund, else the channel's.
    number         text NOT NULL,
    class          text NOT NULL,
    -- The how-manieth row of that number in the bill; 0: it is not in the bill.
    nth            integer NOT NULL,
    -- FILE:LINE of the bill.
    position       text,
    channel_no     text,
    channel_fen    bigint,
    channel_fee_e5 bigint,
    channel_state  text,
    channel_at     timestamptz,
    -- The payment or refund of ours; what it was when it was compared.
    local_id       bigint,
    local_fen      bigint,
    local_fee_e5   bigint,
    local_status   text,
    local_at       timestamptz,
    -- Ours is of another day than the bill. Of what is in neither bill nor difference of its own day,
    -- this is where it is.
    is_late        boolean NOT NULL DEFAULT false,
    -- The day of the other bill, or of ours, where there is one.
    other_date     date,
    handled_at     timestamptz,
    handled_note   text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT differences_kind_known CHECK (kind IN ('payment', 'refund')),
    CONSTRAINT differences_class_known
        CHECK (class IN ('other_day', 'channel_only', 'local_only', 'status', 'amount', 'fee', 'flow',
                         'duplicate_channel', 'duplicate_local')),
    CONSTRAINT differences_handled_why CHECK ((handled_at IS NULL) = (handled_note IS NULL))
);
CREATE UNIQUE INDEX idx_differences_found
    ON app.differences (reconciliation_id, kind, number, class, nth) WHERE handled_at IS NULL;
CREATE INDEX idx_differences_local ON app.differences (kind, local_id) WHERE local_id IS NOT NULL;
CREATE INDEX idx_differences_handled ON app.differences (reconciliation_id)
    WHERE handled_at IS NOT NULL;

-- What a row of a bill and ours make of each other. A refund's state in a bill is that of when the
-- bill was made: it contradicts ours, or it does not, and says no more.
CREATE FUNCTION app.reconcile_class(kind text, state text, fen bigint, fee_is_off boolean,
                                    local_status text, local_fen bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN kind = 'payment' AND local_status <> 'succeeded' THEN 'status'
        WHEN kind = 'refund' AND (local_status = 'requested'
                                  OR state = 'done' AND local_status = 'failed'
                                  OR state = 'failed' AND local_status <> 'failed') THEN 'status'
        WHEN fen <> local_fen THEN 'amount'
        WHEN fee_is_off THEN 'fee'
        ELSE 'matched' END
$$;

-- What is ours alone waits for the bills of the next days (pool_days of them); what one of these has
-- is closed by it.
CREATE FUNCTION app.difference_state(class text, is_handled boolean, closed_on date, age_days integer,
                                     pool_days integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN is_handled THEN 'handled'
        WHEN class = 'other_day' OR closed_on IS NOT NULL THEN 'closed'
        WHEN class = 'local_only' AND age_days < pool_days THEN 'pending'
        ELSE 'open' END
$$;

-- Differences with what they are about, of the bills that count and of those dealt with.
CREATE VIEW app.difference_rows AS
SELECT d.*, c.channel, c.bill_date, c.bill_hash,
       (last.bill_date - c.bill_date)::integer AS age_days,
       late.bill_date AS closed_on,
       o.order_no, o.status AS order_status, s.code AS store
FROM app.differences d
JOIN app.reconciliations c ON c.id = d.reconciliation_id
CROSS JOIN LATERAL (SELECT max(x.bill_date) AS bill_date FROM app.reconciliations x
                    WHERE x.channel = c.channel AND x.is_current) last
LEFT JOIN LATERAL (SELECT x.bill_date
                   FROM app.differences l
                   JOIN app.reconciliations x ON x.id = l.reconciliation_id AND x.is_current
                   WHERE d.class = 'local_only' AND l.kind = d.kind AND l.local_id = d.local_id
                     AND l.is_late
                   ORDER BY x.bill_date
                   LIMIT 1) late ON true
LEFT JOIN LATERAL (SELECT p.order_id FROM app.payments p
                   WHERE d.kind = 'payment' AND p.id = d.local_id
                   UNION ALL
                   SELECT r.order_id FROM app.refunds r
                   WHERE d.kind = 'refund' AND r.id = d.local_id) m ON true
LEFT JOIN app.orders o ON o.id = m.order_id
LEFT JOIN app.stores s ON s.id = o.store_id
WHERE c.is_current OR d.handled_at IS NOT NULL;

-- Payments and refunds over all orders, and when a channel accepted a refund: the day on which its
-- bill has it, whenever the money arrives.

ALTER TABLE app.refunds ADD COLUMN accepted_at timestamptz;
-- What there is was asked for and accepted in one call.
UPDATE app.refunds SET accepted_at = created_at WHERE status IN ('accepted', 'succeeded');
ALTER TABLE app.refunds
    ADD CONSTRAINT refunds_accepted_when
        CHECK (status NOT IN ('accepted', 'succeeded') OR accepted_at IS NOT NULL);

CREATE INDEX idx_payments_created ON app.payments (created_at DESC, id DESC);
CREATE INDEX idx_refunds_created ON app.refunds (created_at DESC, id DESC);

CREATE OR REPLACE VIEW app.payment_documents AS
SELECT p.id, p.order_id,
       json_build_object(
           'payment_no', p.payment_no,
           'order_no', o.order_no,
           'store', s.code,
           'method', p.method,
           'channel', p.channel,
           'amount', p.amount::text,
           'status', p.status,
           'is_surplus', p.is_surplus,
           'transaction_id', p.transaction_id,
           'code_url', p.code_url,
           'failure', p.failure,
           'paid_at', to_char(p.paid_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'created_at', to_char(p.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       ) AS document
FROM app.payments p
JOIN app.orders o ON o.id = p.order_id
JOIN app.stores s ON s.id = o.store_id;

CREATE OR REPLACE VIEW app.refund_documents AS
SELECT r.id, r.order_id, r.refund_no,
       json_build_object(
           'refund_no', r.refund_no,
           'payment_no', p.payment_no,
           'order_no', o.order_no,
           'store', s.code,
           'method', p.method,
           'channel', p.channel,
           'amount', r.amount::text,
           'status', r.status,
           'reason', r.reason,
           'restock', r.restock,
           'failure', r.failure,
           'accepted_at', to_char(r.accepted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'final_at', to_char(r.final_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'created_at', to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       ) AS document
FROM app.refunds r
JOIN app.payments p ON p.id = r.payment_id
JOIN app.orders o ON o.id = r.order_id
JOIN app.stores s ON s.id = o.store_id;

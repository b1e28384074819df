-- The wallets of members: money that was paid in before it is spent. What there is stands in
-- app.wallets, how it came about in app.wallet_log: the sum of a member's entries is the balance.
CREATE TABLE app.wallets (
    member_id  bigint PRIMARY KEY REFERENCES app.members (id),
    currency   text NOT NULL DEFAULT 'CNY',
    balance    numeric(12,2) NOT NULL DEFAULT 0,
    version    integer NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT wallets_balance_not_negative CHECK (balance >= 0)
);

CREATE TABLE app.wallet_log (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member_id     bigint NOT NULL REFERENCES app.wallets (member_id),
    kind          text NOT NULL,
    -- The number of the payment, of the refund, of the top-up where it was made: moved once at most.
    ref           text NOT NULL,
    amount        numeric(12,2) NOT NULL,
    balance_after numeric(12,2) NOT NULL,
    order_id      bigint REFERENCES app.orders (id),
    note          text,
    user_id       bigint REFERENCES app.users (id),
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT wallet_log_ref_key UNIQUE (kind, ref),
    CONSTRAINT wallet_log_kind_known CHECK (kind IN ('topup', 'payment', 'refund', 'adjust')),
    CONSTRAINT wallet_log_sign CHECK (CASE kind WHEN 'payment' THEN amount < 0
                                                WHEN 'adjust' THEN amount <> 0
                                                ELSE amount > 0 END),
    CONSTRAINT wallet_log_of_order CHECK ((kind IN ('payment', 'refund')) = (order_id IS NOT NULL)),
    CONSTRAINT wallet_log_balance_not_negative CHECK (balance_after >= 0)
);
CREATE INDEX idx_wallet_log_member ON app.wallet_log (member_id, id);
CREATE INDEX idx_wallet_log_order ON app.wallet_log (order_id) WHERE order_id IS NOT NULL;

CREATE FUNCTION app.wallet_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the wallet ledger is never changed: put an adjustment behind the entry';
END
$$;
CREATE TRIGGER wallet_log_stays BEFORE UPDATE OR DELETE ON app.wallet_log
    FOR EACH ROW EXECUTE FUNCTION app.wallet_log_stays();

CREATE VIEW app.wallet_log_documents AS
SELECT l.id, l.member_id, l.kind,
       json_build_object(
           'id', l.id,
           'kind', l.kind,
           'ref', l.ref,
           'amount', l.amount::text,
           'balance_after', l.balance_after::text,
           'order_no', (SELECT o.order_no FROM app.orders o WHERE o.id = l.order_id),
           'note', l.note,
           'created_at', to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       ) AS document
FROM app.wallet_log l;

-- Whose order it is, where that is known. (member_ref is a till's or another system's word for it.)
ALTER TABLE app.orders ADD COLUMN member_id bigint REFERENCES app.members (id);
CREATE INDEX idx_orders_member ON app.orders (member_id, created_at DESC) WHERE member_id IS NOT NULL;

CREATE OR REPLACE VIEW app.order_documents AS
SELECT o.id, o.order_no, o.store_id, s.code AS store_code, o.status, o.created_at, o.updated_at,
       json_build_object(
           'order_no', o.order_no,
           'store', s.code,
           'channel', o.channel,
           'guests', o.guests,
           'table_no', o.table_no,
           'status', o.status,
           'payment_status', o.payment_status,
           'fulfilment_status', o.fulfilment_status,
           'payment_method', o.payment_method,
           'currency', o.currency,
           'gross_amount', o.gross_amount::text,
           'discount_amount', o.discount_amount::text,
           'total_amount', o.total_amount::text,
           'refund_amount', o.refund_amount::text,
           'member_ref', o.member_ref,
           'member', (SELECT m.member_no FROM app.members m WHERE m.id = o.member_id),
           'cancel_reason', o.cancel_reason,
           'cancelled_at', to_char(o.cancelled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'paid_at', to_char(o.paid_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'business_date', to_char(o.business_date, 'YYYY-MM-DD'),
           'created_at', to_char(o.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'updated_at', to_char(o.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'items', (SELECT coalesce(json_agg(json_build_object(
                                'line_no', i.line_no,
                                'product', i.sku,
                                'product_name', i.product_name,
                                'price', i.price::text,
                                'quantity', trim_scale(i.quantity)::text,
                                'amount', i.amount::text) ORDER BY i.line_no), '[]'::json)
                     FROM app.order_items i
                     WHERE i.order_id = o.id)
       ) AS document
FROM app.orders o
JOIN app.stores s ON s.id = o.store_id;

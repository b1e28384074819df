-- What the API shows and events carry, as JSON. Amounts and quantities are decimal strings, so that
-- no reader makes a double of them; instants are RFC 3339 in UTC with microseconds.
CREATE VIEW app.store_documents AS
SELECT s.id, s.code,
       json_build_object(
           'code', s.code,
           'name', s.name,
           'timezone', s.timezone,
           'cutoff', to_char(s.cutoff, 'HH24:MI'),
           'updated_at', to_char(s.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       ) AS document
FROM app.stores s;

CREATE VIEW app.product_documents AS
SELECT p.id, p.sku, p.category, p.active,
       json_build_object(
           'sku', p.sku,
           'name', p.name,
           'material_code', p.material_code,
           'unit', p.unit,
           'price', p.price::text,
           'category', p.category,
           'active', p.active,
           'updated_at', to_char(p.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       ) AS document
FROM app.products p;

CREATE VIEW app.order_documents AS
SELECT o.id, o.order_no, o.store_id, s.code AS store_code, o.status, o.created_at, o.updated_at,
       json_build_object(
           'order_no', o.order_no,
           'store', s.code,
           'channel', o.channel,
           'guests', o.guests,
           'table_no', o.table_no,
           'status', o.status,
           'payment_status', o.payment_status,
           'payment_method', o.payment_method,
           'currency', o.currency,
           'gross_amount', o.gross_amount::text,
           'discount_amount', o.discount_amount::text,
           'total_amount', o.total_amount::text,
           'refund_amount', o.refund_amount::text,
           'member_ref', o.member_ref,
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

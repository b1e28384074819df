-- $1 order id, $2 discount
UPDATE app.orders o
SET discount_amount = $2::numeric, total_amount = o.gross_amount - $2::numeric,
    updated_at = greatest(clock_timestamp(), o.updated_at + interval '1 microsecond')
WHERE o.id = $1::bigint AND o.status = 'pending'

-- $1 [{"store","product","moved","at"}]: what all movements made of the stock.
UPDATE app.stock t
SET qty = t.qty + m.moved, updated_at = greatest(t.updated_at, m.at)
FROM jsonb_to_recordset($1::jsonb) AS m (store bigint, product bigint, moved numeric, at timestamptz)
WHERE t.store_id = m.store AND t.product_id = m.product

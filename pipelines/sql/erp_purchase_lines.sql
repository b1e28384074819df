-- One row a line of a purchase order. Quantities are doubles in Tryton: its two or three digits are
-- kept as they come.
select o.order_no, (l->>'id')::bigint as line_id, o.number, o.supplier, o.store, o.ordered_on, o.status,
       l->'product.'->>'code' as material, l->>'description' as description,
       (l->>'quantity')::numeric(18, 6) as qty, l->'unit.'->>'symbol' as unit,
       (l->'unit_price'->>'decimal')::numeric(18, 6) as unit_price,
       (l->'amount'->>'decimal')::numeric(16, 2) as amount,
       o.currency
from ods.erp_purchase_orders o, jsonb_array_elements(o.lines) l
where l->>'type' = 'line'

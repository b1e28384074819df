select o.order_no, (i->>'line_no')::int as line_no, o.store, o.business_date, o.status,
       i->>'product' as product, i->>'product_name' as product_name,
       (i->>'price')::numeric(12, 2) as price,
       (i->>'quantity')::numeric(18, 3) as quantity,
       (i->>'amount')::numeric(14, 2) as amount
from ods.orders o
cross join jsonb_array_elements(o.items) i

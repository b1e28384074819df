-- $1 store (null: all).
-- What is below its level, counting what is on its way to the store, up to par, in whole packs.
-- usage_per_day: what was sold and wasted in the last 28 days.
SELECT json_build_object(
           'store', s.code,
           'product', p.sku,
           'product_name', p.name,
           'material_code', p.material_code,
           'unit', p.unit,
           'qty', trim_scale(l.qty)::text,
           'reserved', trim_scale(l.reserved)::text,
           'incoming', trim_scale(l.incoming)::text,
           'par_qty', trim_scale(l.par_qty)::text,
           'min_qty', trim_scale(l.min_qty)::text,
           'pack_unit', l.pack,
           'packs', l.packs::text,
           'order_qty', trim_scale(app.exact_quantity(l.packs * l.num, l.den))::text,
           'usage_per_day', trim_scale(app.exact_quantity(u.used, 28))::text,
           'days_left', CASE WHEN u.used > 0
               THEN div(greatest(l.qty - l.reserved, 0) * 28, u.used)::text END
       )::text, :keys
FROM (SELECT l.*,
             -- Rounded up: a part of a pack is a pack.
             div(l.wanted * l.den, l.num) + CASE WHEN mod(l.wanted * l.den, l.num) > 0 THEN 1 ELSE 0 END
                 AS packs
      FROM (SELECT k.store_id, k.product_id, k.qty, k.reserved, k.par_qty, k.min_qty,
                   i.incoming, coalesce(k.pack_unit, b.unit) AS pack, f.num, f.den,
                   k.par_qty - (k.qty - k.reserved) - i.incoming AS wanted
            FROM app.stock_levels k
            JOIN app.products b ON b.id = k.product_id
            CROSS JOIN LATERAL
                 (SELECT coalesce(sum(t.sent - t.received - t.returned), 0) AS incoming
                  FROM app.stock_transfers h
                  JOIN app.stock_transfer_lines t ON t.transfer_id = h.id
                  WHERE h.to_store_id = k.store_id AND h.status = 'in_transit'
                    AND t.product_id = k.product_id) i
            CROSS JOIN LATERAL app.unit_factor(k.product_id, k.pack_unit) f
            WHERE k.par_qty IS NOT NULL
              AND ($1::text IS NULL OR k.store_id = (SELECT id FROM app.stores WHERE code = $1))
           ) l
      WHERE l.wanted > 0 AND (l.min_qty IS NULL OR l.qty - l.reserved + l.incoming <= l.min_qty)
        AND :after
      :order
      :rows) l
JOIN app.stores s ON s.id = l.store_id
JOIN app.products p ON p.id = l.product_id
CROSS JOIN LATERAL
     (SELECT coalesce(-sum(g.quantity), 0) AS used
      FROM app.stock_log g
      WHERE g.store_id = l.store_id AND g.product_id = l.product_id
        AND g.created_at >= now() - interval '28 days'
        AND g.change_type IN ('sale', 'restore', 'waste')) u
:order

-- A sale costs half of what it did: a function in SQL is planned at each call, one in PL/pgSQL once a
-- session; and what is short is written down only when something is.

CREATE OR REPLACE FUNCTION app.stock_needs(p_products bigint[], p_quantities numeric[],
                                           OUT product_ids bigint[], OUT quantities numeric[])
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT array_agg(m.product_id ORDER BY m.product_id), array_agg(m.quantity ORDER BY m.product_id)
    INTO product_ids, quantities
    FROM (SELECT t.product_id,
                 app.exact_quantity(sum(t.num * div(t.common, t.den)), max(t.common)) AS quantity
          FROM (SELECT s.product_id, s.num, s.den,
                       app.lcm_of(s.den) OVER (PARTITION BY s.product_id) AS common
                FROM (SELECT coalesce(n.ingredient_id, i.product_id) AS product_id,
                             i.quantity * coalesce(n.num, 1) AS num, coalesce(n.den, 1) AS den
                      FROM unnest(p_products, p_quantities) AS i (product_id, quantity)
                      LEFT JOIN app.recipe_needs n ON n.product_id = i.product_id) s) t
          GROUP BY t.product_id) m;
END
$$;

CREATE OR REPLACE FUNCTION app.stock_short(p_store bigint, p_products bigint[], p_quantities numeric[])
RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT json_agg(json_build_object(
                       'product', p.sku,
                       'wanted', trim_scale(n.quantity)::text,
                       'available', trim_scale(coalesce(k.qty - k.reserved, 0))::text)
                       ORDER BY p.sku)::text
            FROM unnest(p_products, p_quantities) AS n (product_id, quantity)
            JOIN app.products p ON p.id = n.product_id
            LEFT JOIN app.stock k ON k.store_id = p_store AND k.product_id = n.product_id
            WHERE k.product_id IS NULL
               OR (k.qty - k.reserved < n.quantity AND k.policy = 'forbid'));
END
$$;

-- As before, but that something may have been taken when there is a shortage: the caller, who
-- refuses the order then, rolls back.
CREATE OR REPLACE FUNCTION app.stock_sell(p_order bigint, p_reservation bigint,
                                          OUT shortage text, OUT store bigint,
                                          OUT products bigint[])
LANGUAGE plpgsql AS $$
DECLARE
    sold      bigint[];
    ordered   numeric[];
    wanted    numeric[];
    order_ref text;
    moved     bigint;
BEGIN
    SELECT o.store_id, 'order:' || o.order_no INTO store, order_ref
    FROM app.orders o WHERE o.id = p_order;
    IF EXISTS (SELECT FROM app.stock_log l WHERE l.ref = order_ref AND l.change_type = 'sale') THEN
        RETURN;
    END IF;
    SELECT array_agg(i.product_id), array_agg(i.quantity) INTO sold, ordered
    FROM app.order_items i WHERE i.order_id = p_order;
    SELECT n.product_ids, n.quantities INTO products, wanted FROM app.stock_needs(sold, ordered) n;
    PERFORM app.stock_prepare(store, products, p_reservation);
    IF p_reservation IS NOT NULL THEN
        PERFORM app.reservation_close(ARRAY[p_reservation], 'sold', p_order);
    END IF;
    WITH taken AS (
        UPDATE app.stock k
        SET qty = k.qty - n.quantity,
            updated_at = greatest(clock_timestamp(), k.updated_at + interval '1 microsecond')
        FROM unnest(products, wanted) AS n (product_id, quantity)
        WHERE k.store_id = store AND k.product_id = n.product_id
          AND (k.qty - k.reserved >= n.quantity OR k.policy <> 'forbid')
        RETURNING k.product_id, k.qty, k.policy, n.quantity
    )
    INSERT INTO app.stock_log (store_id, product_id, order_id, change_type, quantity, stock_after,
                               ref, flagged, created_at)
    SELECT store, t.product_id, p_order, 'sale', -t.quantity, t.qty, order_ref,
           t.policy = 'flag' AND t.qty < 0, clock_timestamp()
    FROM taken t;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved < cardinality(products) THEN
        SELECT app.stock_short(store, array_agg(n.product_id), array_agg(n.quantity)) INTO shortage
        FROM unnest(products, wanted) AS n (product_id, quantity)
        WHERE NOT EXISTS (SELECT FROM app.stock_log l
                          WHERE l.ref = order_ref AND l.change_type = 'sale'
                            AND l.store_id = store AND l.product_id = n.product_id);
    END IF;
END
$$;

-- Recipes are multiplied out only where something sold has one, and each row's stock and its line of
-- the ledger are written by one statement, for time's sake.

-- Takes what the order's lines need, once: a second call changes nothing. products: whose stock was
-- taken. The order's row is the caller's: made in this transaction, or locked. p_reservation: an active
-- one of the caller's, whose row is locked; it ends as sold. KEY SHARE is the lock that the ledger's
-- foreign key takes anyway, but while the stock is held.
CREATE OR REPLACE FUNCTION app.stock_sell(p_order bigint, p_reservation bigint,
                                          OUT store bigint, OUT products bigint[])
LANGUAGE plpgsql AS $$
DECLARE
    wanted    numeric[];
    order_ref text;
    needs     record;
    missing   text;
BEGIN
    SELECT o.store_id, 'order:' || o.order_no INTO store, order_ref
    FROM app.orders o WHERE o.id = p_order FOR KEY SHARE;
    SELECT array_agg(l.product_id) INTO products
    FROM app.stock_log l WHERE l.ref = order_ref AND l.change_type = 'sale';
    IF products IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT array_agg(i.product_id ORDER BY i.product_id),
           array_agg(i.quantity ORDER BY i.product_id) INTO products, wanted
    FROM (SELECT t.product_id, sum(t.quantity) AS quantity FROM app.order_items t
          WHERE t.order_id = p_order GROUP BY t.product_id) i;
    IF EXISTS (SELECT FROM app.recipe_needs n WHERE n.product_id = ANY (products)) THEN
        needs := app.stock_needs(products, wanted);
        products := needs.product_ids;
        wanted := needs.quantities;
    END IF;
    IF p_reservation IS NOT NULL
       OR EXISTS (SELECT FROM app.reservations r
                  WHERE r.store_id = store AND r.status = 'active'
                    AND r.expires_at <= clock_timestamp()) THEN
        PERFORM app.stock_prepare(store, products, p_reservation);
        IF p_reservation IS NOT NULL THEN
            PERFORM app.reservation_close(ARRAY[p_reservation], 'sold', p_order);
        END IF;
    END IF;
    FOR i IN 1 .. cardinality(products) LOOP
        LOOP
            WITH taken AS (
                UPDATE app.stock k
                SET qty = k.qty - wanted[i],
                    updated_at = greatest(clock_timestamp(), k.updated_at + interval '1 microsecond')
                WHERE k.store_id = store AND k.product_id = products[i]
                  AND (k.qty - k.reserved >= wanted[i] OR k.policy <> 'forbid')
                RETURNING k.qty, k.policy = 'flag' AND k.qty < 0 AS is_below
            )
            INSERT INTO app.stock_log (store_id, product_id, order_id, change_type, quantity,
                                       stock_after, ref, flagged, created_at)
            SELECT store, products[i], p_order, 'sale', -wanted[i], t.qty, order_ref, t.is_below,
                   clock_timestamp()
            FROM taken t;
            EXIT WHEN FOUND;
            missing := app.stock_short(store, products[i:], wanted[i:]);
            IF missing IS NOT NULL THEN -- else some came back meanwhile
                RAISE EXCEPTION USING ERRCODE = 'DN001', MESSAGE = 'there is not enough stock',
                    DETAIL = missing;
            END IF;
        END LOOP;
    END LOOP;
END
$$;

-- A sale takes its rows one after the other in key order, which is what locks them, and holds them no
-- longer than the commit takes: a shortage is raised, so that the commit can travel with the sale.
-- Then nothing was taken. The DETAIL is what is missing, as JSON.
DROP FUNCTION app.stock_sell(bigint, bigint);

-- Takes what the order's lines need, once: a second call changes nothing. products: whose stock was
-- taken. The order's row is the caller's: made in this transaction, or locked. p_reservation: an active
-- one of the caller's, whose row is locked; it ends as sold.
CREATE FUNCTION app.stock_sell(p_order bigint, p_reservation bigint,
                               OUT store bigint, OUT products bigint[])
LANGUAGE plpgsql AS $$
DECLARE
    needs     record;
    sold      bigint[];
    ordered   numeric[];
    wanted    numeric[];
    qty_after numeric;
    after     numeric[];
    is_below  boolean;
    below     boolean[];
    missing   text;
    order_ref text;
BEGIN
    SELECT o.store_id, 'order:' || o.order_no INTO store, order_ref
    FROM app.orders o WHERE o.id = p_order;
    SELECT array_agg(l.product_id) INTO products
    FROM app.stock_log l WHERE l.ref = order_ref AND l.change_type = 'sale';
    IF products IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT array_agg(i.product_id), array_agg(i.quantity) INTO sold, ordered
    FROM app.order_items i WHERE i.order_id = p_order;
    needs := app.stock_needs(sold, ordered);
    products := needs.product_ids;
    wanted := needs.quantities;
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
            UPDATE app.stock k
            SET qty = k.qty - wanted[i],
                updated_at = greatest(clock_timestamp(), k.updated_at + interval '1 microsecond')
            WHERE k.store_id = store AND k.product_id = products[i]
              AND (k.qty - k.reserved >= wanted[i] OR k.policy <> 'forbid')
            RETURNING k.qty, k.policy = 'flag' AND k.qty < 0 INTO qty_after, is_below;
            EXIT WHEN FOUND;
            missing := app.stock_short(store, products[i:], wanted[i:]);
            IF missing IS NOT NULL THEN -- else some came back meanwhile
                RAISE EXCEPTION USING ERRCODE = 'DN001', MESSAGE = 'there is not enough stock',
                    DETAIL = missing;
            END IF;
        END LOOP;
        after := after || qty_after;
        below := below || is_below;
    END LOOP;
    INSERT INTO app.stock_log (store_id, product_id, order_id, change_type, quantity, stock_after,
                               ref, flagged, created_at)
    SELECT store, t.product_id, p_order, 'sale', -t.quantity, t.qty, order_ref, t.is_below,
           clock_timestamp()
    FROM unnest(products, wanted, after, below) AS t (product_id, quantity, qty, is_below);
END
$$;

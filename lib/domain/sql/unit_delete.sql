DELETE FROM app.product_units u WHERE u.product_id = $1::bigint AND u.unit = $2

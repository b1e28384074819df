-- $1 store, $2 status (null: all)
SELECT d.document::text, :keys
FROM (SELECT r.id, r.expires_at, r.created_at
      FROM app.reservations r
      WHERE ($1::text IS NULL OR r.store_id = (SELECT id FROM app.stores WHERE code = $1))
        AND ($2::text IS NULL
             OR CASE WHEN r.status = 'active' AND r.expires_at <= now() THEN 'expired'
                     ELSE r.status END = $2)
        AND :after
      :order
      :rows) r
JOIN app.reservation_documents d ON d.id = r.id
:order

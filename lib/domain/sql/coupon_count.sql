SELECT count(*)
FROM app.coupon_documents d
WHERE ($1::text IS NULL OR d.campaign = $1)
  AND ($2::text IS NULL OR d.member_no = $2)
  AND ($3::text IS NULL OR d.stores IS NULL OR $3 = ANY (d.stores))

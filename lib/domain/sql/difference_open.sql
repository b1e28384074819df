-- $1 channel, $2 from, $3 to (null: any), $4 days for which what is ours alone may wait.
SELECT count(*) FILTER (WHERE state = 'open'), count(*) FILTER (WHERE state = 'pending')
FROM (SELECT app.difference_state(r.class, r.handled_at IS NOT NULL, r.closed_on, r.age_days,
                                  $4::integer) AS state
      FROM app.difference_rows r
      WHERE ($1::text IS NULL OR r.channel = $1)
        AND ($2::date IS NULL OR r.bill_date >= $2::date)
        AND ($3::date IS NULL OR r.bill_date <= $3::date)) d

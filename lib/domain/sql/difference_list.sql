-- $1 channel, $2 state, $3 from, $4 to (null: any), $5 with what is unsettled of earlier days,
-- $6 days for which what is ours alone may wait, $7 only what is unsettled. Amounts in
-- yuan; one of ours that is another row's, or has not come in, is nothing against this one.
SELECT d.id::text, d.bill_date::text, d.channel, d.kind, d.number, d.class, d.state,
       (d.channel_fen / 100.0)::numeric(20,2)::text, (d.local_fen / 100.0)::numeric(20,2)::text,
       ((coalesce(d.channel_fen, 0)
             - CASE WHEN d.class = 'duplicate_channel' OR d.class = 'status' AND d.kind = 'payment' THEN 0
                    ELSE coalesce(d.local_fen, 0) END) / 100.0)::numeric(20,2)::text,
       (d.channel_fee_e5 / 100000.0)::numeric(20,5)::text,
       (d.local_fee_e5 / 100000.0)::numeric(20,5)::text,
       d.order_no, d.store, d.channel_no, d.channel_state, d.local_status,
       to_char(d.channel_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       to_char(d.local_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       coalesce(d.closed_on, d.other_date)::text, d.position,
       to_char(d.handled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), d.handled_note,
       CASE WHEN d.state IN ('closed', 'handled') THEN NULL
            WHEN d.state = 'pending' THEN 'wait'
            WHEN d.class = 'status' AND d.kind = 'payment'
                THEN CASE d.order_status WHEN 'cancelled' THEN 'refund' ELSE 'confirm_paid' END
            WHEN d.class = 'status' OR d.class = 'local_only' AND d.kind = 'refund' THEN 'query_refund'
            WHEN d.class = 'channel_only'
                THEN CASE d.kind WHEN 'payment' THEN 'find_order' ELSE 'book_refund' END
            WHEN d.class = 'local_only' THEN 'ask_channel'
            WHEN d.class = 'amount' THEN 'correct_amount'
            WHEN d.class IN ('fee', 'flow') THEN 'check_fee'
            WHEN d.class = 'duplicate_channel' THEN 'check_duplicate'
            ELSE 'cancel_duplicate' END,
       d.age_days
FROM (SELECT r.*, app.difference_state(r.class, r.handled_at IS NOT NULL, r.closed_on, r.age_days,
                                       $6::integer) AS state
      FROM app.difference_rows r) d
WHERE ($1::text IS NULL OR d.channel = $1)
  AND ($2::text IS NULL OR d.state = $2)
  AND (NOT $7::boolean OR d.state IN ('open', 'pending'))
  AND ($4::date IS NULL OR d.bill_date <= $4::date)
  AND ($3::date IS NULL OR d.bill_date >= $3::date
       OR $5::boolean AND d.state IN ('open', 'pending'))
ORDER BY d.channel, d.bill_date, d.kind, d.number COLLATE "C", d.nth, d.id

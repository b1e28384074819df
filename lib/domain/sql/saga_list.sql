-- $1 order number, $2 only this store (null: all): the sagas of an order, each step with its undo.
SELECT coalesce(json_agg(json_build_object(
           'id', g.id,
           'kind', g.kind,
           'status', g.status,
           'reason', g.reason,
           'failure', g.failure,
           'attempts', g.attempts,
           'next_at', CASE WHEN g.status IN ('running', 'compensating')
                           THEN to_char(g.next_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
           'created_at', to_char(g.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'steps', (SELECT json_agg(json_build_object(
                         'step', s.step_no,
                         'name', s.name,
                         'undo', s.undo,
                         'status', s.status,
                         'attempts', s.attempts,
                         'ref', s.ref,
                         'failure', s.failure,
                         'started_at', to_char(s.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                         'finished_at', to_char(s.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                         'undone_at', to_char(s.undone_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
                         ORDER BY s.step_no)
                     FROM app.saga_steps s WHERE s.saga_id = g.id)) ORDER BY g.id)
           FILTER (WHERE g.id IS NOT NULL), '[]'::json)::text
FROM app.orders o
JOIN app.stores t ON t.id = o.store_id
LEFT JOIN app.sagas g ON g.order_id = o.id
WHERE o.order_no = $1 AND ($2::text IS NULL OR t.code = $2)
GROUP BY o.id

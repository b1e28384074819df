-- What was found out goes to its pair.
UPDATE reconcile_pair p
SET class = f.class, local_id = f.local_id, local_fen = f.local_fen, local_status = f.local_status,
    local_at = f.local_at, is_late = f.is_late, other_date = f.other_date
FROM reconcile_found f
WHERE p.number = f.number AND p.kind = f.kind AND p.nth = f.nth

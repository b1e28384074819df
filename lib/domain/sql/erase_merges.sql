-- $1 ids: a merge of somebody who is erased is not undone
UPDATE app.member_merges g
SET moved = '{}', updated_at = now()
WHERE (g.survivor_id = ANY ($1::bigint[]) OR g.other_id = ANY ($1::bigint[])) AND g.moved <> '{}'

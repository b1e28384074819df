-- $1 records of the CRM that are not to come back
INSERT INTO ods.crm_erased (crm_id, erased_at)
SELECT DISTINCT x.id, now() FROM unnest($1::text[]) x (id)
ON CONFLICT (crm_id) DO NOTHING

CREATE TABLE IF NOT EXISTS ods.crm_erased (crm_id text PRIMARY KEY, erased_at timestamptz)

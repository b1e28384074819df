-- The coupons that changed hands with a merge.
ALTER TABLE app.member_merges ADD COLUMN coupons bigint[] NOT NULL DEFAULT '{}';

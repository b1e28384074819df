DROP TABLE pg_temp.reconcile_bill, pg_temp.reconcile_twice, pg_temp.reconcile_pair, pg_temp.reconcile_found

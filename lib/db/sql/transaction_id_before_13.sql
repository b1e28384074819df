select txid_current_if_assigned()::text

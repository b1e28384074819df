select txid_status($1::bigint)

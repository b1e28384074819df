-- $1 member id: there is a wallet from now on
INSERT INTO app.wallets (member_id) VALUES ($1::bigint) ON CONFLICT DO NOTHING

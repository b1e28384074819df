-- Until the transaction ends notes of ledgers may change
SELECT set_config('diner.erasing', 'on', true)

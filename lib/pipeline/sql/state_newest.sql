-- Instants are kept in one form: the order of their text is that of time.
select max(value) from diner.state where pipeline = $1 and stream = $2 and name = 'cursor'

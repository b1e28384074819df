insert into diner.migration (set_name, name, sha256) values ($1, $2, $3)

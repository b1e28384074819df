select to_regclass('diner.migration') is not null, to_regnamespace('diner') is not null

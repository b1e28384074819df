-- Which file or page the row of a finding came from.
alter table diner.finding add column origin text;

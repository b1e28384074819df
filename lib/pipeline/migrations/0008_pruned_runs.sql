-- What a pruned run loaded is forgotten child by child: it is not resumed any more.
alter table diner.run add column pruned_at timestamptz;
comment on column diner.run.pruned_at is 'since when its slices, parts and findings may be gone';

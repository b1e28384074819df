-- Sales of ods.sales that Tryton lacks, one document a store and day. What is no text stands as
-- jsonb, as Tryton's JSON wants it: ids as numbers, quantities as numbers, prices as Decimal.
select 'DINER-' || s.store || '-' || s.day as reference,
       to_jsonb(p.id) as party,
       to_jsonb(1) as company,
       to_jsonb(1) as currency,
       jsonb_build_object('__class__', 'date', 'year', extract(year from s.day)::int,
                          'month', extract(month from s.day)::int, 'day', extract(day from s.day)::int) as sale_date,
       jsonb_build_array(jsonb_build_array('create', jsonb_agg(jsonb_build_object(
           'type', 'line', 'product', m.id, 'unit', m.unit_id, 'quantity', s.qty,
           'unit_price', jsonb_build_object('__class__', 'Decimal', 'decimal', s.price::text)) order by s.material))) as lines
from ods.sales s
left join ods.tryton_stores p on p.store = s.store
join ods.tryton_ids m on m.material = s.material
where not exists (select from ods.tryton_sales t where t.reference = 'DINER-' || s.store || '-' || s.day)
group by s.store, s.day, p.id
order by 1

-- What the platform's stock must change by: ERP quantity as of its export, plus what the platform
-- itself moved since then, less what the platform has. Batches are summed first.
with erp as (
    select store, material, sum(qty) as qty, max(exported_at) as exported_at
    from ods.erp_stock
    group by store, material
    having min(qty) >= 0
),
rejected as (
    select distinct key->>'store' as store, key->>'material' as material
    from diner.reject
    where pipeline = 'stock_sync' and stream = 'erp_stock'
      and run_id = (select max(s.run_id) from diner.run_stream s join diner.run r on r.id = s.run_id
                    where r.pipeline = 'stock_sync' and s.stream = 'erp_stock' and s.status = 'succeeded')
)
select p.store, p.product, p.product_name, e.material,
       trim_scale(p.qty) as platform_qty, trim_scale(e.qty) as erp_qty,
       trim_scale(p.moved_qty) as moved_qty,
       trim_scale(e.qty + p.moved_qty) as target_qty,
       trim_scale(e.qty + p.moved_qty - p.qty) as delta,
       'erp_sync' as reason,
       'ERP export of ' || to_char(e.exported_at at time zone 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS') as note
from ods.platform_stock p
join erp e on e.store = p.store and e.material = p.material_code
where e.qty + p.moved_qty - p.qty <> 0
  and e.qty + p.moved_qty >= 0
  and not exists (select from rejected r where r.store = p.store and r.material = e.material)
order by p.store, p.product

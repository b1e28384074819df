-- Sold and paid for, by store, material and business day; refunds are the finance export's matter.
select o.business_date as "业务日期",
       o.store as "门店编码",
       s.name as "门店名称",
       coalesce(p.material_code, i->>'product') as "物料编码",
       max(i->>'product_name') as "物料名称",
       max(p.unit) as "单位",
       sum((i->>'quantity')::numeric(18, 3)) as "销售数量",
       sum((i->>'amount')::numeric(18, 2)) as "销售金额",
       count(distinct o.order_no) as "订单数"
from ods.orders o
cross join jsonb_array_elements(o.items) i
left join ods.products p on p.product = i->>'product'
left join ods.stores s on s.store = o.store
where o.business_date = ${params.biz_date}::date
  and o.status <> 'cancelled' and o.payment_status in ('paid', 'partially_refunded')
group by o.business_date, o.store, s.name, coalesce(p.material_code, i->>'product')
order by 2, 4

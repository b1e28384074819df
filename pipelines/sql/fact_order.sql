select o.order_no, o.store, o.business_date, o.channel, o.status, o.payment_status, o.payment_method,
       o.guests, o.currency, o.gross_amount, o.discount_amount, o.total_amount, o.refund_amount,
       case when o.payment_status in ('paid', 'partially_refunded', 'refunded')
            then o.total_amount - coalesce(o.refund_amount, 0) else 0 end as net_amount,
       case when extract(hour from o.created_at at time zone coalesce(s.timezone, 'Asia/Shanghai')) < 5 then 'late_night'
            when extract(hour from o.created_at at time zone coalesce(s.timezone, 'Asia/Shanghai')) < 10 then 'breakfast'
            when extract(hour from o.created_at at time zone coalesce(s.timezone, 'Asia/Shanghai')) < 14 then 'lunch'
            when extract(hour from o.created_at at time zone coalesce(s.timezone, 'Asia/Shanghai')) < 17 then 'tea'
            when extract(hour from o.created_at at time zone coalesce(s.timezone, 'Asia/Shanghai')) < 21 then 'dinner'
            else 'late_night' end as daypart,
       o.created_at, o.paid_at, o.cancelled_at
from ods.orders o
left join ods.stores s on s.store = o.store

select d::date as date,
       extract(year from d)::int as year,
       extract(quarter from d)::int as quarter,
       extract(month from d)::int as month,
       extract(day from d)::int as day,
       extract(isodow from d)::int as iso_weekday,
       extract(week from d)::int as iso_week,
       extract(isodow from d) >= 6 as is_weekend
from generate_series((select coalesce(min(business_date), current_date) from ods.orders)::timestamp,
                     (select coalesce(max(business_date), current_date) from ods.orders)::timestamp,
                     interval '1 day') d

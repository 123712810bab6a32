{{ config(materialized='refreshed') }}

with

-- 90 whole days, that of the run the last
event_blocks as (

    select * from {{ ref('event_blocks') }}
    where block_at >= {{ day_end() }} - interval 90 day

),

described as (

    select
        customer_id,
        events_count,
        device_class,
        case extract('hour' from block_at)
            when 0 then 'night'
            when 6 then 'morning'
            when 12 then 'afternoon'
            when 18 then 'evening'
        end as daypart,
        case when extract('isodow' from block_at) >= 6 then 'weekend' else 'weekday' end as weekpart
    from event_blocks

),

unpivoted as (

    select
        customer_id,
        unnest(['device_class', 'daypart', 'weekpart']) as dimension,
        unnest([device_class, daypart, weekpart]) as value,
        events_count
    from described

),

counted as (

    select
        customer_id,
        dimension,
        value,
        cast(sum(events_count) as bigint) as events_count
    from unpivoted
    where value is not null
    group by customer_id, dimension, value

),

customer_habits as (

    select
        customer_id,
        dimension,
        row_number() over (partition by customer_id, dimension order by events_count desc, value asc) as rank,
        value,
        events_count,
        events_count / sum(events_count) over (partition by customer_id, dimension) as events_share
    from counted

)

select * from customer_habits

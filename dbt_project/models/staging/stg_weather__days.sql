with

exported as (

    select * from {{ source('raw', 'weather') }}

),

renamed as (

    select
        region,
        observed_on,
        temperature_min_celsius,
        temperature_max_celsius,
        precipitation_mm,
        published_at,
        row(_arrived_at, _batch, _file, _position) as arrival
    from exported

),

-- a correction is published later than what it corrects
latest as (

    select * exclude (arrival)
    from renamed
    qualify row_number() over (partition by region, observed_on order by published_at desc, arrival desc) = 1

)

select * from latest

with

unioned as (

    select * from {{ ref('stg_weather__days') }}

),

weather as (

    select
        region,
        observed_on,
        temperature_min_celsius,
        temperature_max_celsius,
        precipitation_mm,
        published_at
    from unioned

)

select * from weather

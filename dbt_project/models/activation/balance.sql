with

assignments as (

    select * from {{ ref('assignments') }}

),

counted as (

    select
        destination,
        segment_id,
        count(*) as customers,
        count(*) filter (where arm = 'control') as controls,
        count(*) filter (where is_global_control) as global_controls,
        -- rounded, for the last digit of a sum depends on the order of its rows
        round(avg(case when arm = 'control' then propensity else 1 - propensity end), 9) as expected_share
    from assignments
    group by destination, segment_id

),

shares as (

    select
        *,
        controls / customers as control_share
    from counted

),

-- relative entropy of the share found to the share expected, in nats; 0 * ln(0) is 0
divergences as (

    select
        *,
        case
            when expected_share in (0, 1) then 0
            else
                coalesce(control_share * ln(nullif(control_share, 0) / expected_share), 0)
                + coalesce((1 - control_share) * ln(nullif(1 - control_share, 0) / (1 - expected_share)), 0)
        end as divergence
    from shares

),

-- Chernoff's bound of both binomial tails: true for any number of people, where the normal curve is not
judged as (

    select
        destination,
        segment_id,
        customers,
        controls,
        global_controls,
        expected_share,
        control_share,
        least(1, 2 * exp(-customers * divergence)) as p_value_at_most,
        least(1, 2 * exp(-customers * divergence)) >= 0.001 as is_balanced
    from divergences

)

select * from judged

with

unioned as (

    select * from {{ ref('stg_survey__feedback') }}

),

feedback as (

    select
        feedback_id,
        user_id,
        question,
        subject_type,
        subject_id,
        score,
        score_share,
        answered_at
    from unioned

)

select * from feedback

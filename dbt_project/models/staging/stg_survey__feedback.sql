with

exported as (

    select * from {{ source('raw', 'survey_answers') }}

),

renamed as (

    select
        'survey:' || answer_id as feedback_id,
        'crm:' || contact_id as user_id,
        question,
        subject_type,
        subject_id,
        score,
        -- whatever the question's scale, 0 is the worst answer and 1 the best; a score off its scale says nothing
        cast(
            case
                when question = 'nps' and score <= 10 then score / 10
                when question in ('csat', 'rating') and score between 1 and 5 then (score - 1) / 4
            end as decimal(3, 2)
        ) as score_share,
        answered_at
    from exported

)

select * from renamed

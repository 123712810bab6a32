with

feedback as (

    select * from {{ ref('feedback') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

owned as (

    select
        customer_ids.customer_id,
        feedback.feedback_id,
        feedback.question,
        feedback.subject_type,
        feedback.subject_id,
        feedback.score_share,
        feedback.answered_at
    from feedback
    inner join customer_ids
        on customer_ids.identifier_type = 'user_id' and feedback.user_id = customer_ids.identifier_key

),

-- of several thumbs for one subject the last counts, at the same moment the dislike
last_thumbs as (

    select *
    from owned
    where question in ('like', 'dislike')
    qualify
        row_number() over (
            partition by customer_id, subject_type, subject_id
            order by answered_at desc, question asc, feedback_id asc
        ) = 1

),

thumbs as (

    select
        customer_id,
        count(*) filter (where question = 'like') as likes_count,
        count(*) filter (where question = 'dislike') as dislikes_count
    from last_thumbs
    group by customer_id

),

-- stars are about a product; what is asked about the shop and its service tells how content somebody is
answers as (

    select
        customer_id,
        avg(score_share) filter (
            where question in ('nps', 'csat') and answered_at > {{ day_end() }} - interval 365 day
        ) as satisfaction_score,
        max(answered_at) as last_feedback_at
    from owned
    group by customer_id

),

customer_feedback as (

    select
        answers.customer_id,
        answers.satisfaction_score,
        answers.last_feedback_at,
        coalesce(thumbs.likes_count, 0) as likes_count,
        coalesce(thumbs.dislikes_count, 0) as dislikes_count
    from answers
    left join thumbs on answers.customer_id = thumbs.customer_id

)

select * from customer_feedback

with

loyalty as (

    select * from {{ ref('loyalty') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

-- who joined in a shop is found by e-mail
owned as (

    select
        coalesce(users.customer_id, emails.customer_id) as customer_id,
        loyalty.loyalty_number,
        loyalty.tier,
        loyalty.points,
        loyalty.joined_at,
        loyalty.updated_at
    from loyalty
    left join customer_ids as users
        on users.identifier_type = 'user_id' and loyalty.user_id = users.identifier_key
    left join customer_ids as emails
        on emails.identifier_type = 'email' and loyalty.email_hash = emails.identifier_key

),

-- of several memberships of a person the one updated last
customer_loyalty as (

    select
        customer_id,
        tier as loyalty_tier,
        points as loyalty_points,
        joined_at as loyalty_joined_at
    from owned
    where customer_id is not null
    qualify row_number() over (partition by customer_id order by updated_at desc, loyalty_number asc) = 1

)

select * from customer_loyalty

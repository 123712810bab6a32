with

content_recipients as (

    select * from {{ ref('content_recipients') }}

),

chosen as (

    select * from {{ ref('content_candidates') }}
    where rank is not null

),

content_blocks as (

    select * from {{ ref('content_blocks') }}

),

content_tokens as (

    select * from {{ ref('content_tokens') }}

),

customers as (

    select * from {{ ref('customers') }}

),

propensity as (

    select * from {{ source('scores', 'propensity') }}
    where model = 'purchase'

),

affinities as (

    select * from {{ source('scores', 'affinities') }}

),

recommendations as (

    select * from {{ source('scores', 'recommendations') }}

),

-- a condition that holds or not where it is shown goes along
variants as (

    select
        chosen.situation_id,
        chosen.rank,
        chosen.block_id,
        chosen.offer_id,
        chosen.message_id,
        content_blocks.strategy,
        cast(
            json_merge_patch(
                '{}',
                json_object(
                    'row', chosen.row_id,
                    'strategy', content_blocks.strategy,
                    'block', chosen.block_id,
                    'offer', chosen.offer_id,
                    'message', chosen.message_id,
                    'when', json_object(
                        'hours', cast(string_split(chosen.hours, '-') as integer[]),
                        'devices', string_split(chosen.devices, '|'),
                        'until', strftime(chosen.valid_until, '%Y-%m-%dT%H:%M:%SZ')
                    )
                )
            ) as varchar
        ) as variant
    from chosen
    inner join content_blocks on chosen.block_id = content_blocks.block_id

),

-- the last of a situation holds everywhere
choices as (

    select
        situation_id,
        last(block_id order by rank) as block_id,
        last(offer_id order by rank) as offer_id,
        last(message_id order by rank) as message_id,
        last(strategy order by rank) as strategy,
        count(*) as variants_count,
        '[' || string_agg(variant, ',' order by rank) || ']' as variants
    from variants
    group by situation_id

),

shown as (

    select
        situation_id,
        unnest([block_id, offer_id, message_id]) as block_id
    from chosen

),

named as (

    select distinct
        shown.situation_id,
        unnest(regexp_extract_all(content_blocks.template, '\{([a-z][a-z0-9_]*)\}', 1)) as token
    from shown
    inner join content_blocks on shown.block_id = content_blocks.block_id

),

tellable as (

    {{ tellable('content_recipients') }}

),

known as (

    unpivot tellable on columns(* exclude (customer_id)) into name attribute value value

),

filled as (

    select
        content_recipients.destination,
        content_recipients.channel,
        content_recipients.customer_id,
        '{'
        || string_agg(
            to_json(named.token) || ':' || to_json(coalesce(known.value, content_tokens.default_text)),
            ',' order by named.token
        )
        || '}' as tokens
    from content_recipients
    inner join named on content_recipients.situation_id = named.situation_id
    inner join content_tokens on named.token = content_tokens.token
    left join known
        on content_recipients.customer_id = known.customer_id and content_tokens.attribute = known.attribute
    group by content_recipients.destination, content_recipients.channel, content_recipients.customer_id

),

-- in order of rank
recommended as (

    select
        customer_id,
        ',"products":' || to_json(string_split(value, '|')) as products
    from known
    where attribute = 'recommended_products'

),

content as (

    select
        content_recipients.destination,
        content_recipients.channel,
        content_recipients.customer_id,
        content_recipients.situation_id,
        content_recipients.stage,
        choices.strategy,
        choices.block_id,
        choices.offer_id,
        choices.message_id,
        choices.variants_count,
        -- one text, so that it is compared as it is sent
        '{"stage":' || to_json(content_recipients.stage)
        || ',"tokens":' || coalesce(filled.tokens, '{}')
        || coalesce(recommended.products, '')
        || ',"variants":' || choices.variants
        || '}' as payload
    from content_recipients
    inner join choices on content_recipients.situation_id = choices.situation_id
    left join filled
        on
            content_recipients.destination = filled.destination
            and content_recipients.channel = filled.channel
            and content_recipients.customer_id = filled.customer_id
    left join recommended on content_recipients.customer_id = recommended.customer_id

)

select * from content

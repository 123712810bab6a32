{{ config(materialized='view') }}

with

rule_hits as (

    select * from {{ ref('rule_hits') }}

),

kept_out as (

    select * from {{ ref('kept_out') }}

),

segment_hits as (

    select
        rule_hits.segment_id,
        rule_hits.customer_id
    from rule_hits
    anti join kept_out
        on rule_hits.segment_id = kept_out.segment_id and rule_hits.customer_id = kept_out.customer_id

)

select * from segment_hits

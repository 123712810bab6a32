{#
  Of `views`, a step of the segment, the rows of a person and one `group_by` of which as many as the threshold `least`
  says stand within so many `seconds`. No others can reach the threshold, so the count that follows need not see them.

  What it saves: a window over all events sorts wide rows and counts at each of them. Here one unsigned 64-bit number
  stands for an event: 20 bits of a hash of the person, 12 of one of the group, 32 the second. Numbers sort fast, and
  where the number `least - 1` places earlier is no more than the seconds below, so many events were close together
  (docs/decisions/0026).

  It never decides. Where people or groups share a hash, or a fraction of a second is cut off, it lets a few more
  through, never fewer: whole seconds are no further apart than the moments' own window. The segment counts who is left
  by the real columns, to the microsecond.
#}
{% macro crowded(views, group_by, least, seconds) -%}
    {%- set whose = "((hash(customer_id) >> 44) << 12) | (hash(" ~ group_by ~ ") >> 52)" -%}
    select *
    from {{ views }}
    where
        {{ whose }} in (
            select packed >> 32
            from (
                select
                    packed,
                    lag(packed, greatest({{ threshold(least) }} - 1, 0)) over (order by packed) as earlier
                from (
                    select (({{ whose }}) << 32) | cast(epoch_us(occurred_at) // 1000000 as ubigint) as packed
                    from {{ views }}
                )
            )
            where packed - earlier <= {{ seconds }}
        )
{%- endmacro %}

"""Published tables and columns that other tools rely on."""

PROMISED = {
    "profiles.customers": "customer_id state journey_stage first_seen_at last_seen_at orders_count spend_total_amount"
    " rfm_score region primary_device is_bot",
    "profiles.identifiers": "identifier_type identifier_hash customer_id first_seen_at",
    "profiles.merges": "merged_at from_customer_id into_customer_id evidence",
    "profiles.interests": "customer_id dimension value score",
    "profiles.sessions": "session_id customer_id started_at ended_at events_count entry_page is_bounce",
    "profiles.customers_history": "customer_id state journey_stage first_seen_at last_seen_at orders_count"
    " spend_total_amount rfm_score region primary_device is_bot valid_from valid_to",
    "scores.propensity": "customer_id model probability tier model_version scored_at",
    "scores.clusters": "customer_id cluster persona model_version",
    "scores.recommendations": "customer_id rank product_id score strategy model_version",
    "scores.lifetime": "customer_id model expected_orders p_alive value_amount value_low_amount value_high_amount"
    " horizon_days model_version scored_at",
    "scores.affinities": "customer_id category probability tier model_version scored_at",
    "scores.cluster_migrations": "from_cluster from_persona into_cluster into_persona people share from_version"
    " into_version",
    "segments.memberships": "segment_id customer_id entered_at",
    "segments.membership_history": "segment_id customer_id entered_at left_at definition_version",
    "segments.catalog": "segment_id owner tier purpose members active_members is_sendable why_not",
    "activation.assignments": "destination segment_id customer_id arm is_global_control propensity assigned_at",
    "activation.exposures": "destination segment_id customer_id arm exposed_at ended_at",
    "activation.consent_proofs": "destination customer_id purpose channel segment_ids basis decided_at source",
    "activation.audience": "destination customer_id segment_ids",
    "activation.audience_changes": "destination customer_id segment_ids change",
    "ops.runs": "run_id stage source started_at seconds rows_in rows_loaded rows_rejected rows_duplicate"
    " rows_suppressed status bytes_read bytes_written cpu_seconds peak_memory_mb input_hash output_hash",
    "ops.rejects": "source file position reason raw",
    "ops.files": "source file sha256 bytes status superseded_by rows_in rows_loaded rows_rejected rows_duplicate",
}

"""Surveys and ratings: scores and thumbs. Comments are free text about people and no part of the export."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"survey_answers_(?P<arrived>\d{4}-\d\d-\d\d)\.csv(\.gz)?"),
    contract=Contract(
        source="survey_answers",
        description="One row per answer: nps 0 to 10, csat and rating 1 to 5, like and dislike without a score.",
        format="csv",
        columns=(
            Column(name="answer_id", nullable=False),
            Column(name="contact_id", nullable=False, pii="indirect"),
            Column(name="question", nullable=False, allowed=("nps", "csat", "rating", "like", "dislike")),
            Column(name="subject_type", nullable=False, allowed=("shop", "ticket", "product", "category")),
            Column(name="subject_id"),
            Column(name="score", type="integer", minimum=0),
            Column(name="answered_at", type="timestamp", nullable=False),
        ),
        key=("answer_id",),
        event_time="answered_at",
        others="refuse",
        purpose="personalisation",
        retention_days=1_095,
        fresh_within=168,
        is_simulated=True,
    ),
)

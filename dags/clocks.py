"""What keeps the clocks of several DAGs from hurting each other: turns, and alerts on runs that are late."""

from datetime import timedelta

import tasks
from airflow.sdk import (
    DeadlineAlert,
    DeadlineReference,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    SyncCallback,
    exceptions,
    task,
)

from smalti import alerts, stages
from warehouse import errors, slot


def deadline(minutes: int) -> DeadlineAlert | None:
    """An alert on a scheduled run that has not ended so many minutes after it was queued."""
    if slot.is_inherited():  # `smalti run`: no scheduler looks at deadlines, and `airflow dags test` fails on them
        return None
    told = SyncCallback(alerts.late, kwargs={"minutes": minutes})
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(minutes=minutes), told)


# busy is tried again for two hours; nothing else is tried again
@task(
    retries=240,
    retry_delay=timedelta(seconds=30),
    retry_policy=ExceptionRetryPolicy([RetryRule(errors.Busy), RetryRule(Exception, RetryAction.FAIL)]),
    on_failure_callback=lambda context: stages.give_up(tasks.this_run(context)),
)
def take_turn(*, yields: bool) -> None:
    """Wait until no other run goes on; one that yields is skipped instead."""
    try:
        stages.take_turn(tasks.this_run(), yields=yields)
    except errors.Skipped as reason:
        raise exceptions.AirflowSkipException(str(reason)) from None


@task
def end_run() -> None:
    """Give the turn back, however the run went: a teardown, which runs after failed and killed tasks too."""
    stages.end_run(tasks.this_run())

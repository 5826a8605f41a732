"""The flows of the stories. Each writes a line into a log five times a second, for as long as it works."""

import os
import time

from prefect import flow
from prefect.runtime import flow_run


def work(seconds: float, log: str) -> None:
    until = time.time() + seconds
    while time.time() < until:
        with open(log, "a") as opened:
            opened.write(f"{os.environ.get('LASTBEAT_FENCE', '-')} {os.getpid()} {os.getppid()} {time.time():.3f}\n")
        time.sleep(0.2)


@flow
def steady(seconds: float, log: str) -> None:
    work(seconds, log)


@flow
def failing(seconds: float, log: str) -> None:
    work(seconds, log)
    raise RuntimeError("as the user's own work fails")


@flow(retries=1)
def stumbling(seconds: float, log: str) -> None:
    """Its own work fails twice, once more than its user allows for if a loss had used the retry."""
    work(seconds, log)
    marks = f"{log}.failures"
    count = len(open(marks).readlines()) if os.path.exists(marks) else 0
    if count < 1:
        with open(marks, "a") as opened:
            opened.write(f"{flow_run.run_count}\n")
        raise RuntimeError("as the user's own work fails")

"""The DAGs of the stories. A task writes a line into the log of its run five times a second, for as long as it works."""

import os
import time

from airflow.sdk import dag, task


def work(conf: dict) -> None:
    fence = 0
    try:
        from lastbeat import airflow as plugin

        fence = plugin._attempt.fence if plugin._attempt else 0
    except ImportError:
        pass
    until = time.time() + conf["seconds"]
    while time.time() < until:
        with open(conf["log"], "a") as opened:
            opened.write(f"{fence} {os.getpid()} {os.getppid()} {time.time():.3f}\n")
        time.sleep(0.2)


@dag(schedule=None, catchup=False)
def steady():
    @task(pool="one", retries=0)
    def nap(dag_run=None):
        work(dag_run.conf)

    nap()


@dag(schedule=None, catchup=False)
def stumbling():
    @task(retries=1, retry_delay=1)
    def nap(dag_run=None):
        work(dag_run.conf)
        marks = f"{dag_run.conf['log']}.failures"
        if not os.path.exists(marks):
            open(marks, "w").close()
            raise RuntimeError("as the user's own work fails")

    nap()


@dag(schedule=None, catchup=False)
def loose():
    @task(retries=0)
    def nap(dag_run=None):
        work(dag_run.conf)

    nap()


steady()
stumbling()
loose()

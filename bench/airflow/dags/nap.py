"""A task that is running for as long as it is measured how often its heartbeats are answered."""

from datetime import timedelta
from time import sleep

from airflow.sdk import dag, task


@dag(schedule=None)
def nap():
    @task(execution_timeout=timedelta(minutes=15))
    def rest():
        sleep(900)

    rest()


nap()

"""A DAG as any other: it knows nothing of Lastbeat."""

import time

from airflow.sdk import dag, task


@dag(schedule=None, catchup=False)
def etl():
    @task(retries=1)
    def extract(dag_run=None):
        time.sleep((dag_run.conf or {}).get("seconds", 60))

    extract()


etl()

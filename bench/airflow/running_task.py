"""Prints what the supervisor of the running task sends with its heartbeats: {"id", "hostname", "pid", "token"}."""

import json

from airflow.api_fastapi.auth.tokens import JWTGenerator, get_signing_args
from airflow.configuration import conf
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session

with create_session() as session:
    task = session.query(TaskInstance).filter_by(dag_id="nap", state="running").one()
    generator = JWTGenerator(
        valid_for=3600,
        audience=conf.get_mandatory_list_value("execution_api", "jwt_audience")[0],
        issuer=conf.get("api_auth", "jwt_issuer", fallback=None),
        **get_signing_args(make_secret_key_if_needed=False),
    )
    said = {"id": str(task.id), "hostname": task.hostname, "pid": task.pid}
    print(json.dumps({**said, "token": generator.generate({"sub": str(task.id)})}))

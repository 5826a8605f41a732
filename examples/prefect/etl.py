"""A flow as any other: it knows nothing of Lastbeat. etl.py POOL deploys it."""

import pathlib
import sys
import time

from prefect import flow


@flow
def etl(seconds: float = 60) -> None:
    time.sleep(seconds)


if __name__ == "__main__":
    here = pathlib.Path(__file__)
    flow.from_source(source=str(here.parent), entrypoint=f"{here.name}:etl").deploy(
        name="nightly", work_pool_name=sys.argv[1], ignore_warnings=True
    )

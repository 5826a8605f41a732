"""Makes a process work pool of Prefect whose flow runs are kept by Lastbeat: pool.py NAME [SLOTS]"""

import asyncio
import sys

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.workers.process import ProcessWorker


async def make(name: str, slots: "int | None") -> None:
    template = ProcessWorker.get_default_base_job_template()
    # The only change: this command registers the flow run, and runs Prefect's engine under an attempt.
    template["variables"]["properties"]["command"]["default"] = f"{sys.executable} -m lastbeat.prefect"
    async with get_client() as client:
        await client.create_work_pool(
            WorkPoolCreate(name=name, type="process", base_job_template=template, concurrency_limit=slots)
        )


if __name__ == "__main__":
    asyncio.run(make(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None))

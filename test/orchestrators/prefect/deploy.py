"""Deploys the flows of this folder: deploy.py POOL"""

import pathlib
import sys

from prefect import flow

here = str(pathlib.Path(__file__).parent)
for name in ("steady", "stumbling", "failing"):
    loaded = flow.from_source(source=here, entrypoint=f"flows.py:{name}")
    loaded.deploy(name=sys.argv[1], work_pool_name=sys.argv[1], ignore_warnings=True)

#!/usr/bin/env bash
# Real orchestrators with real workers, and the embedded server beside them. What cannot run here is said by its name. Each is installed
# beside the packages of npm, by the versions in its requirements.txt: a minute and a half the first time.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "Prefect and Airflow are left out: they need Python 3.10 with venv"
  exit 0
fi
if missing=$(bash scripts/needs-go.sh agents/go/go.mod); then
  (cd agents/go && mkdir -p bin && ./build.sh bin/lastbeat)
else
  echo "The agent is that of Node: $missing"
  rm -f agents/go/bin/lastbeat
fi
npx vitest run --config vitest.emulated.config.ts --project orchestrators

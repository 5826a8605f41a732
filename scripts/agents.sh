#!/usr/bin/env bash
# Builds the agents in other languages and tests all agents: alone, by the vectors, as real processes, and in real containers.
# What is missing on this machine is said, and the rest goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

bash agents/go/test.sh
bash agents/python/test.sh

# runc and busybox of Debian, for real containers, where this user may start some. Nothing is installed.
if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
  tools=$PWD/node_modules/.cache/lastbeat/containers
  if [[ ! -x $tools/bin/busybox || ! -x $tools/usr/sbin/runc ]]; then
    mkdir -p "$tools"
    (cd "$tools" && apt-get download runc busybox-static libseccomp2 && for package in *.deb; do dpkg -x "$package" .; done) ||
      echo "Containers are left out: runc and busybox cannot be fetched"
  fi
  if [[ -x $tools/usr/sbin/runc ]]; then
    export LASTBEAT_RUNC=$tools/usr/sbin/runc LASTBEAT_BUSYBOX=$tools/bin/busybox
    # libseccomp, where the machine has none.
    export LD_LIBRARY_PATH=$tools/usr/lib/$(uname -m)-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  fi
fi
table=$(mktemp)
trap 'rm -f "$table"' EXIT
LASTBEAT_AGENTS=built LASTBEAT_CONFORMANCE_TABLE=$table npx vitest run test/conformance
node test/conformance/table-main.ts "$table"

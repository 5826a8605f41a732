#!/bin/sh
# Builds the binary: build.sh OUT [VERSION]. GOOS and GOARCH say for what; the default is this machine.
# It depends on nothing (CGO off) and names no folder of this machine (-trimpath). It waits almost always, so it is small rather than
# fast: no symbols (-s -w), and nothing inlined (-l), which takes 0.5 MB away.
set -eu
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -gcflags=all=-l -ldflags "-s -w -X main.version=${2:-dev}" -o "$out" .

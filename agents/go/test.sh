#!/usr/bin/env bash
# Builds the binary, checks and tests it. It needs Go, and says so where it is missing.
set -euo pipefail
cd "$(dirname "$0")"

if ! missing=$(bash ../../scripts/needs-go.sh go.mod); then
  echo "The binary is neither built nor tested: $missing"
  exit 0
fi
test -z "$(gofmt -l .)" || { echo "gofmt would change: $(gofmt -l .)"; exit 1; }
go vet ./...
GOOS=darwin go vet ./...
go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
# Its database is on a server of the Go project.
if ! known=$(go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./... 2>&1); then
  [[ $known == *"fetching vulnerabilities"* ]] || { echo "$known"; exit 1; }
  echo "govulncheck is left out: its database cannot be reached"
fi
mkdir -p bin
./build.sh bin/lastbeat
# -count=1: Go would answer from its cache although the vectors, which lie outside of the module, have changed.
# The race detector needs a C compiler.
if command -v cc >/dev/null; then CGO_ENABLED=1 go test -count=1 -race ./...; else go test -count=1 ./...; fi

#!/usr/bin/env bash
# Builds the agents in other languages and tests them: alone, by the vectors, and as real processes. It needs Go (1.26 or later).
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v go >/dev/null; then
  echo "Go is not installed, so the binary is neither built nor tested"
  exit 0
fi
(
  cd agents/go
  test -z "$(gofmt -l .)" || { echo "gofmt would change: $(gofmt -l .)"; exit 1; }
  go vet ./...
  GOOS=darwin go vet ./...
  CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/lastbeat .
  # The race detector needs a C compiler.
  if command -v cc >/dev/null; then CGO_ENABLED=1 go test -race ./...; else go test ./...; fi
)
npx vitest run test/conformance

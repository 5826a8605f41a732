#!/usr/bin/env bash
# Builds the agents in other languages and tests them: alone, by the vectors, and as real processes. It needs Go (1.26 or later).
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=$(sed -n 's/^go //p' agents/go/go.mod)
found=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//' || true)
if [[ -z "$found" || "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]]; then
  echo "The binary is neither built nor tested: it needs Go $wanted, and ${found:-none} is here"
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

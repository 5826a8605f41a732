#!/usr/bin/env bash
# Succeeds where the Go that a go.mod names is installed. Otherwise it says what is needed, and fails.
set -euo pipefail
wanted=$(sed -n 's/^go //p' "$1")
found=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//' || true)
if [[ -z "$found" || "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]]; then
  echo "it needs Go $wanted, and ${found:-none} is here"
  exit 1
fi

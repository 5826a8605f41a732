#!/usr/bin/env bash
# The last part of scripts/kubernetes.sh: a real Karpenter takes the nodes of runs away. kwok plays the nodes and their pods, so there are
# no containers, and a hundred runs take a minute. Both are built here (Go 1.26; four minutes the first time, cached by their versions).
# Karpenter listens on all interfaces, so all of it runs in a network of its own (Linux, root).
set -euo pipefail
cd "$(dirname "$0")/.."

KWOK=v0.8.0
KARPENTER=v1.14.1 # the newest for Go 1.26.8

if ! missing=$(bash scripts/needs-go.sh test/kubernetes/server/go.mod); then
  echo "Karpenter is left out: $missing"
  exit 0
fi
if [[ $(id -u) != 0 ]] || ! unshare -n true 2>/dev/null; then
  echo "Karpenter is left out: it needs root, and Linux"
  exit 0
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/lastbeat
export LASTBEAT_KARPENTER=$cache/karpenter-kwok-$KWOK-$KARPENTER-$(go env GOVERSION)
if [[ ! -d $LASTBEAT_KARPENTER ]]; then
  echo "building kwok and Karpenter: this takes some minutes, once"
  new=$LASTBEAT_KARPENTER.new
  rm -rf "$new"
  mkdir -p "$new"/{bin,kwok,karpenter}
  export CGO_ENABLED=0 GOTOOLCHAIN=local
  build() { # a name, a package and its version; both are called kwok
    GOBIN=$new/$1.d go install -trimpath -ldflags "-s -w" "$2"
    mv "$new/$1.d"/* "$new/bin/$1"
    rmdir "$new/$1.d"
  }
  build kwok "sigs.k8s.io/kwok/cmd/kwok@$KWOK"
  build karpenter "sigs.k8s.io/karpenter/kwok@$KARPENTER"
  modules=$(go env GOMODCACHE)/sigs.k8s.io
  stages=$modules/kwok@$KWOK/kustomize/stage
  cp "$stages"/node/fast/node-initialize.yaml "$stages"/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml \
    "$stages"/pod/fast/pod-ready.yaml "$new/kwok"
  cp "$modules/karpenter@$KARPENTER"/pkg/apis/crds/*.yaml "$modules/karpenter@$KARPENTER"/kwok/apis/crds/*.yaml "$new/karpenter"
  chmod -R u+w "$new"
  mv "$new" "$LASTBEAT_KARPENTER"
fi

unshare -n sh -c 'ip link set lo up && exec npx vitest run --config vitest.emulated.config.ts --project karpenter'

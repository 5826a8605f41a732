#!/usr/bin/env bash
# The last part of scripts/kubernetes.sh: a real Karpenter takes the nodes of runs away, and a real Kueue suspends their Jobs. kwok plays
# the nodes and their pods, so there are no containers, and a hundred runs take a minute. All are built here (Go 1.26; eight minutes the
# first time, cached by their versions). They listen on all interfaces, and Kueue reads a file in /etc. So all of it runs in a network
# and with an /etc of its own (Linux, root), which end with it.
set -euo pipefail
cd "$(dirname "$0")/.."

KWOK=v0.8.0
KARPENTER=v1.14.1 # the newest for Go 1.26.8
KUEUE=v0.17.0

if ! missing=$(bash scripts/needs-go.sh test/kubernetes/server/go.mod); then
  echo "Karpenter and Kueue are left out: $missing"
  exit 0
fi
if [[ $(id -u) != 0 ]] || ! unshare -nm true 2>/dev/null; then
  echo "Karpenter and Kueue are left out: they need root, and Linux"
  exit 0
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/lastbeat
modules=$(go env GOMODCACHE)/sigs.k8s.io
export CGO_ENABLED=0 GOTOOLCHAIN=local

# A program of a module: its name, package and version. `copy` takes what else is needed of the module, into the folder $new. What was
# built before is kept, each by its version.
built() {
  local name=$1 package=$2 version=$3 copy=$4
  local kept=$cache/$name-$version-$(go env GOVERSION)
  if [[ ! -d $kept ]]; then
    echo "building $name: this takes some minutes, once"
    new=$kept.new
    rm -rf "$new"
    mkdir -p "$new/bin" "$new/go"
    GOBIN=$new/go go install -trimpath -ldflags "-s -w" "$package@$version"
    mv "$new"/go/* "$new/bin/$name" # some are called like another one
    rmdir "$new/go"
    "$copy"
    chmod -R u+w "$new"
    mv "$new" "$kept"
  fi
  cp -rs "$kept/." "$LASTBEAT_ECOSYSTEM"
}
of_kwok() {
  local stage=$modules/kwok@$KWOK/kustomize/stage
  mkdir "$new/kwok"
  cp "$stage"/node/fast/node-initialize.yaml "$stage"/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml \
    "$stage"/pod/fast/pod-ready.yaml "$new/kwok"
}
of_karpenter() {
  mkdir "$new/karpenter"
  cp "$modules/karpenter@$KARPENTER"/pkg/apis/crds/*.yaml "$modules/karpenter@$KARPENTER"/kwok/apis/crds/*.yaml "$new/karpenter"
}
of_kueue() {
  mkdir "$new/kueue" "$new/kueue-webhooks"
  cp "$modules/kueue@$KUEUE"/config/components/crd/bases/*.yaml "$new/kueue"
  cp "$modules/kueue@$KUEUE"/config/components/webhook/manifests.yaml "$new/kueue-webhooks"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LASTBEAT_ECOSYSTEM=$work/ecosystem
mkdir -p "$LASTBEAT_ECOSYSTEM" "$work/etc"
built kwok sigs.k8s.io/kwok/cmd/kwok $KWOK of_kwok
built karpenter sigs.k8s.io/karpenter/kwok $KARPENTER of_karpenter
built kueue sigs.k8s.io/kueue/cmd/kueue $KUEUE of_kueue

unshare -nm sh -euc '
  ip link set lo up
  mount -t tmpfs tmpfs "$1"
  mkdir "$1/changed" "$1/work"
  mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/changed,workdir=$1/work" /etc
  exec npx vitest run --config vitest.emulated.config.ts --project ecosystem' sh "$work/etc"

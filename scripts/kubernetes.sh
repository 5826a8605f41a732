#!/usr/bin/env bash
# Tries what concerns Kubernetes on a real API server, and on real nodes with real pods: etcd, API server, controllers and kubelets
# in one binary that is built here (Go 1.26; ten minutes the first time, cached by its sources), containerd and runc of Debian, which
# are not installed. Real pods need root.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! missing=$(bash scripts/needs-go.sh test/kubernetes/server/go.mod); then
  echo "Kubernetes is left out: $missing"
  exit 0
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/lastbeat
key=$( (cat test/kubernetes/server/go.* test/kubernetes/server/*.go && go version) | sha256sum | cut -c1-16)
export LASTBEAT_KUBERNETES=$cache/kubernetes-$key
if [[ ! -x $LASTBEAT_KUBERNETES ]]; then
  mkdir -p "$cache"
  echo "building Kubernetes: this takes some minutes, once"
  version="k8s.io/component-base/version"
  (cd test/kubernetes/server && CGO_ENABLED=0 go build -trimpath -o "$LASTBEAT_KUBERNETES.new" \
    -ldflags "-s -w -X $version.gitVersion=v1.35.4 -X $version.gitMajor=1 -X $version.gitMinor=35" .)
  mv "$LASTBEAT_KUBERNETES.new" "$LASTBEAT_KUBERNETES"
fi

if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
  tools=$PWD/node_modules/.cache/lastbeat/node
  if [[ ! -x $tools/usr/bin/containerd ]]; then
    mkdir -p "$tools"
    (cd "$tools" && apt-get download containerd runc busybox-static libseccomp2 containernetworking-plugins &&
      for package in *.deb; do dpkg -x "$package" .; done) || echo "Real pods are left out: containerd and runc cannot be fetched"
  fi
  if [[ -x $tools/usr/bin/containerd ]]; then
    export LASTBEAT_NODE_TOOLS=$tools
    sh agents/go/build.sh "$tools/lastbeat"
  fi
else
  echo "Real pods are left out: they need root, and apt-get"
fi
npx vitest run --config vitest.emulated.config.ts --project kubernetes
bash scripts/ecosystem.sh

#!/usr/bin/env bash
# Clones the committed state into a temporary directory and runs the README's two commands there. The output is the
# transcript; run it under an old system Node to show that a newcomer does not need a new one.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT

git clone --quiet --no-hardlinks "$source" "$clone/tidemark"
cd "$clone/tidemark"

show() {
  printf '\n$ %s\n' "$1"
  bash -c "$1" </dev/null 2>&1
}

echo "commit $(git rev-parse --short HEAD), $(date -u +%Y-%m-%d), $(uname -sm), $(nproc 2>/dev/null || echo '?') cores"
show 'node --version && npm --version'
for command in 'npm ci && npm start' 'npm ci && npm test'; do
  begun=$SECONDS
  show "$command"
  echo "($((SECONDS - begun)) s)"
done

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
begun=$SECONDS
printf '\n$ npm ci && npm start\n'
setsid bash -c 'npm ci && npm start' </dev/null >start.log 2>&1 &
server=$!
until grep -o 'http://localhost:[0-9]*' start.log >address; do
  kill -0 "$server" || { cat start.log; exit 1; }
  sleep 1
done
cat start.log
curl --silent --fail --output /dev/null --write-out "GET / %{http_code}, %{size_download} bytes\n" "$(cat address)"
kill -- "-$server"
echo "($((SECONDS - begun)) s)"

begun=$SECONDS
show 'npm ci && npm test'
echo "($((SECONDS - begun)) s)"

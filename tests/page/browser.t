#!/usr/bin/env bash
# The page in headless Chromium: see browser.mjs. Left out, with the reason, where there is no Chromium
# or no npm.
set -euo pipefail
build=${B:-build}

skip() {
    echo "1..0 # SKIP $1"
    exit 0
}

chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}
[[ -n $chromium ]] || skip "there is no Chromium: apt-get install chromium"
command -v npm >/dev/null || skip "there is no npm"

# The packages of the lock file, once.
npm=$build/page/npm
mkdir -p "$npm"
if ! cmp -s tests/page/package-lock.json "$npm/installed"; then
    cp tests/page/package.json tests/page/package-lock.json "$npm/"
    npm ci --prefix "$npm" --no-audit --no-fund --ignore-scripts >"$npm/log" 2>&1 ||
        skip "npm cannot install what tests/page/package-lock.json names: $(tail -n 1 "$npm/log")"
    cp tests/page/package-lock.json "$npm/installed"
fi
exec node tests/page/browser.mjs "$build" "$chromium"

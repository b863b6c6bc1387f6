#!/bin/sh
# Installs what the tests want from the operating system: a headless browser that opens the HTML report.
# Without the right to install, or without apt, it says so and goes on: the browser test is then skipped.
set -u

find_browser() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

find_browser && exit 0

skip() {
    echo "skipped: no headless browser ($1); the browser test of the report will be skipped" >&2
    exit 0
}

command -v apt-get >/dev/null 2>&1 || skip "this system has no apt-get: install chromium by hand"

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || skip "neither root nor password-free sudo: apt-get install chromium"
    as_root="sudo -n"
fi

echo "installing chromium for the browser test"
log=$(mktemp)
if ! { $as_root apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends \
        chromium fonts-dejavu-core; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    rm -f "$log"
    skip "apt-get failed"
fi
rm -f "$log"

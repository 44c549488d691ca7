#!/usr/bin/env bash
# Installs the Chromium that tests/browser looks at notebooks with, from Debian, or says which package is missing.
#
#   tools/browser/chromium.sh
source "$(dirname "${BASH_SOURCE[0]}")/../cluster/setting.sh"

[[ -x ${CHROMIUM:-} ]] && exit 0
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done
debian_packages chromium

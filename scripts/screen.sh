#!/bin/sh
# Run a command on a virtual screen of a small laptop's size (the tests never touch the user's own screen).
set -eu
command -v xvfb-run >/dev/null 2>&1 || { echo "xvfb-run is missing: sudo apt-get install xvfb xauth" >&2; exit 1; }
exec xvfb-run --auto-servernum --server-args="-screen 0 1366x768x24" "$@"

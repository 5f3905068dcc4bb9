#!/bin/sh
# System libraries that a Python wheel cannot bring: what Qt loads, software OpenGL, and a virtual screen for the tests.
# As root on Debian or Ubuntu they are installed; otherwise the missing ones are named.
set -eu
[ "$(uname -s)" = Linux ] || exit 0
packages="python3-venv xvfb xauth libegl1 libgl1 libgl1-mesa-dri libopengl0 libdbus-1-3 libfontconfig1 libglib2.0-0 libxkbcommon-x11-0
libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0
libxcb-xfixes0 libxcb-xkb1 libx11-xcb1"
command -v dpkg-query >/dev/null 2>&1 || {
  echo "This is no Debian: Qt needs the counterparts of: $packages" >&2
  exit 0
}
missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
  echo "Installing system packages:$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086 # the list is meant to be split
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "These system packages are missing; the window and the tests need them:" >&2
  echo "  sudo apt-get install$missing" >&2
fi

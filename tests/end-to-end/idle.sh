#!/usr/bin/env bash
# How much processor time the real window takes while nothing happens: with a picture open and encoded,
# untouched, over some seconds. Needs Xvfb.
#
#   tests/end-to-end/idle.sh path/to/glamm [SECONDS] [DISPLAY-NUMBER]
set -euo pipefail

glamm=$(realpath "${1:?the binary}")
seconds=${2:-20}
number=${3:-98}
command -v Xvfb >/dev/null || { echo "skipped: Xvfb is not installed"; exit 0; }

work=$(mktemp -d)
children=()
cleanup() {
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT
export DISPLAY=:$number XDG_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/config HOME=$work LIBGL_ALWAYS_SOFTWARE=1
unset WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS
Xvfb "$DISPLAY" -screen 0 1440x900x24 -nolisten tcp >/dev/null 2>&1 &
children+=($!)
sleep 1
"$glamm" >/dev/null 2>"$work/log" &
program=$!
children+=("$program")

# Ticks of all its threads, user and system.
ticks() { awk '{ print $14 + $15 }' "/proc/$program/stat"; }
per_second=$(getconf CLK_TCK)
# The start is over when a second costs nearly nothing, or else never.
calm=0
for _ in $(seq 120); do
    before=$(ticks)
    sleep 1
    [ $(($(ticks) - before)) -le $((per_second / 20)) ] && calm=$((calm + 1)) || calm=0
    [ "$calm" -lt 3 ] || break
done
[ "$calm" -ge 3 ] || echo "it never came to rest"
before=$(ticks)
sleep "$seconds"
used=$(($(ticks) - before))
echo "$((used * 1000 / per_second)) ms of processor time in $seconds s"

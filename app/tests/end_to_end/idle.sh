#!/usr/bin/env bash
# How much processor time the real window takes while nothing happens: with a picture open and encoded,
# untouched, over some seconds. Needs Xvfb.
#
#   app/tests/end_to_end/idle.sh path/to/glamm [SECONDS] [DISPLAY-NUMBER]
set -euo pipefail

glamm=$(realpath "${1:?the binary}")
seconds=${2:-20}
number=${3:-98}
command -v Xvfb >/dev/null || { echo "skipped: Xvfb is not installed"; exit 0; }

# shellcheck source=app/tests/end_to_end/display.sh
source "$(dirname "$0")/display.sh"
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

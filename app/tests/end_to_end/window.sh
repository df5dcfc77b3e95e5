#!/usr/bin/env bash
# Drives the real window with the keyboard and the mouse, as a user does: open, draw a box, ask, look at
# a mask and change it, save, draw another box, end it by force two seconds later, recover, export, quit.
# Needs Xvfb, xdotool and ImageMagick; without them it says so and ends well.
#
#   app/tests/end_to_end/window.sh path/to/glamm [DISPLAY-NUMBER]
set -euo pipefail

glamm=$(realpath "${1:?the binary}")
number=${2:-99}
for tool in Xvfb xdotool import python3; do
    command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed"; exit 0; }
done

# shellcheck source=app/tests/end_to_end/display.sh
source "$(dirname "$0")/display.sh"
until xdotool getmouselocation >/dev/null 2>&1; do kill -0 "$server"; sleep 0.2; done

"$glamm" scenes --count 1 --seed 5 --out "$work/scene" >/dev/null
picture=$(find "$work/scene" -name '*.png' | head -1)
cp "$picture" "$work/scene.png"
kept=$work/data/glamm/recovery

fail() {
    echo "FAILED: $1"
    import -window root "${E2E_PICTURE:-/tmp/window-end-to-end.png}" || true
    [ -s "$work/log" ] && tail -5 "$work/log"
    exit 1
}
# Waits until a command succeeds.
until_true() {
    local what=$1 left=${E2E_PATIENCE:-120}
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || fail "waited in vain for $what"
        sleep 0.5
    done
    echo "ok: $what"
}
# Whether any thread of the window or of the display wants to run.
works() {
    cat "/proc/$program"/task/*/stat "/proc/$server"/task/*/stat 2>/dev/null | sed 's/.*) //' | grep -q '^[RD]'
}
# Waits until the window has done all that it has to do: it draws nothing while nothing happens, however
# slow the machine.
rest() {
    local calm=0 left=${E2E_PATIENCE:-120}
    left=$((left * 10))
    while [ "$calm" -lt 6 ] && [ "$left" -gt 0 ]; do
        left=$((left - 1))
        if works; then calm=0; else calm=$((calm + 1)); fi
        sleep 0.05
    done
}
start() {
    "$glamm" "$@" >>"$work/log" 2>&1 &
    program=$!
    children+=("$program")
    until_true "the window" xdotool search --onlyvisible --name 'GLaMM Desktop'
    window=$(xdotool search --onlyvisible --name 'GLaMM Desktop' | tail -1)
    xdotool windowmove "$window" 0 0 windowsize "$window" 1440 900 windowfocus --sync "$window"
    sleep 2
    rest
}
key() { xdotool key --clearmodifiers "$@"; rest; }
# One by one: two within one frame are one.
tabs() { for _ in $(seq "$1"); do key Tab; done; }
click() { xdotool mousemove "$1" "$2"; rest; xdotool click 1; rest; }
# As slowly as a hand.
drag() {
    xdotool mousemove "$1" "$2"; rest
    xdotool mousedown 1; rest
    xdotool mousemove $((($1 + $3) / 2)) $((($2 + $4) / 2)); rest
    xdotool mousemove "$3" "$4"; rest
    xdotool mouseup 1; rest
}
say() { xdotool type --delay 15 "$1"; rest; }
# Asks the kept work: an expression over `pictures`, the JSON of each picture in it, their `replies` and
# `masks`. What lies in the folder `old` is left out.
old=none
kept_says() {
    python3 - "$kept" "$old" "$1" <<'END'
import glob, json, sys
files = [f for f in glob.glob(sys.argv[1] + "/*/pictures/*/picture.json") if not f.startswith(sys.argv[2])]
pictures = [json.load(open(f)) for f in files]
replies = [e for p in pictures for c in p["conversations"] for e in c["exchanges"]]
masks = [g["mask"] for e in replies for g in e["groundings"] if g["mask"]]
sys.exit(0 if eval(sys.argv[3]) else 1)
END
}
# Types a path: the desktop has no dialog here, which takes the program a moment to see.
say_path() {
    sleep 2
    rest
    key ctrl+a
    say "$1"
    key Return
}

# Whether no folder of kept work would be offered at the next start.
nothing_to_lose() {
    local folder
    for folder in "$kept"/*/; do
        [ ! -e "$folder/session.json" ] || [ -e "$folder/superseded" ] || return 1
    done
}

echo "== open"
start
# The tour of the first start.
key Escape
key ctrl+o
say_path "$work/scene.png"
sleep 1
rest

echo "== box"
key b
drag 420 300 640 480
until_true "the box, kept" kept_says 'any(p["name"] == "scene.png" and p["regions"] for p in pictures)'

echo "== ask"
key v
click 1200 800
key ctrl+a
say 'Please describe the image with interleaved segmentation masks.'
key ctrl+Return
until_true "the reply, kept" kept_says 'len(replies) == 1 and replies[0]["finish_reason"] != "cancelled"'
kept_says 'masks' || fail "the reply has no masks"
kept_says 'not any(m["threshold"] for m in masks)' || fail "a threshold was moved already"

echo "== inspect"
click 530 400
# The next mask, its heat map, and less of it.
key j
key alt+4
key shift+t
until_true "the threshold, kept" kept_says 'sum(m["threshold"] < 0 for m in masks) == 1'

echo "== save"
key Escape
key ctrl+s
say_path "$work/work.glamm"
until_true "the session file" test -s "$work/work.glamm"
"$glamm" export "$work/work.glamm" --format coco --out "$work/saved" >/dev/null
python3 - "$work/saved/coco-rle.json" <<'END' || fail "the saved session has no masks"
import json, sys
assert len(json.load(open(sys.argv[1]))["annotations"]) >= 2
END
until_true "nothing left to lose" nothing_to_lose

echo "== kill"
xdotool mousemove 420 620
key b
drag 430 560 560 660
# So long it may take, and no longer.
sleep 2
kill -9 "$program"
wait "$program" 2>/dev/null || true
kept_says 'any(len(p["regions"]) == 2 for p in pictures)' || fail "the second box was not kept within two seconds"
echo "ok: the second box, kept within two seconds"

echo "== recover"
[ "$(ls "$kept" | wc -l)" -eq 1 ] || fail "one program has one folder"
old=$(echo "$kept"/*)
start
key Tab
key Return
until_true "the work, recovered" kept_says 'any(len(p["regions"]) == 2 for p in pictures) and len(replies) == 1'
kept_says 'sum(m["threshold"] < 0 for m in masks) == 1' || fail "the threshold was not recovered"
until_true "the old copy, given up" test -e "$old/superseded"
[ "$(ls "$kept" | wc -l)" -eq 2 ] || fail "there is one other copy"

echo "== export"
key ctrl+s
until_true "the session, saved again" nothing_to_lose
key ctrl+shift+e
# COCO is the fourth format, LabelMe the sixth; behind all of them and the choice of pictures come the
# button that asks for a folder, the folder, and the button that writes.
tabs 4
key space
tabs 2
key space
tabs 7
key ctrl+a
say "$work/typed/out"
tabs 1
key Return
until_true "the export" test -s "$work/typed/out/labelme/scene.json"
until_true "its other files" test -s "$work/typed/out/overlays/scene.png" -a -s "$work/typed/out/coco-polygons.json"
python3 - "$work/typed/out" <<'END' || fail "the export is not what was made"
import json, sys
shapes = json.load(open(sys.argv[1] + "/labelme/scene.json"))["shapes"]
assert sum(s["shape_type"] == "rectangle" for s in shapes) == 2, "the boxes"
coco = json.load(open(sys.argv[1] + "/coco-rle.json"))
name = {i["id"]: i["file_name"] for i in coco["images"]}
assert sum(name[a["image_id"]] == "images/scene.png" for a in coco["annotations"]) >= 4, "boxes and masks"
END
[ -z "${E2E_PICTURE:-}" ] || import -window root "$E2E_PICTURE"

echo "== quit"
key ctrl+q
gone() { ! kill -0 "$program" 2>/dev/null; }
until_true "the end" gone
[ -z "$(ls "$kept")" ] || fail "a good end leaves nothing"
echo "all done"

#!/bin/sh
# Fills the corpora with good files: a session of the built-in model, and what is exported from it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
glamm=${1:?the binary}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$here/corpus/session" "$here/corpus/annotations"
"$glamm" scenes --count 1 --seed 5 --out "$work/scene" > /dev/null
picture=$(find "$work/scene" -name '*.png' | head -1)
"$glamm" ask "$picture" "Please describe the image with interleaved segmentation masks." \
    --save "$here/corpus/session/one.glamm" > /dev/null
python3 - "$here/corpus/session" <<'END'
import pathlib, sys, zipfile
corpus = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(corpus / "one.glamm") as archive:
    picture = next(name for name in archive.namelist() if name.endswith("picture.json"))
    (corpus / "picture.json").write_bytes(archive.read(picture))
END
"$glamm" export "$here/corpus/session/one.glamm" --format coco,labelme --out "$work/out" > /dev/null
find "$work/out" -name '*.json' -exec cp {} "$here/corpus/annotations/" \;

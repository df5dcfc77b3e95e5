#!/bin/sh
# Fills the corpora with good files of moderate size: the small checkpoint of the tests.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
golden=$here/../../tests/golden/public
demo=$here/../../assets/demo-model
mkdir -p "$here/corpus/torch" "$here/corpus/safetensors" "$here/corpus/tokenizer" "$here/corpus/config"

python3 - "$golden" "$here/corpus/torch" <<'END'
import pathlib, sys, zipfile
golden, corpus = map(pathlib.Path, sys.argv[1:])
for shard in golden.glob("*/*.bin"):
    with zipfile.ZipFile(shard) as archive:
        table = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        (corpus / f"{shard.stem}.pkl").write_bytes(archive.read(table)[:4096])
END
head -c 65536 "$golden/expected/c01_gcg_wide.safetensors" > "$here/corpus/safetensors/cut"
cp "$golden/glamm-tiny/tokenizer.model" "$here/corpus/tokenizer/tiny"
for model in "$golden/glamm-tiny $golden/clip-tiny" "$demo $demo/clip"; do
    set -- $model
    name=$(basename "$1")
    { cat "$1/config.json"; printf '\0'; cat "$2/config.json"; printf '\0'; cat "$2/preprocessor_config.json"; } \
        > "$here/corpus/config/$name"
done

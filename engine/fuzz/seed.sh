#!/bin/sh
# Fills the corpora with good files of moderate size: the small checkpoint of the tests.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
golden=$here/../../tests/golden/public
demo=$here/../../assets/demo-model
mkdir -p "$here/corpus/torch" "$here/corpus/safetensors" "$here/corpus/gguf" "$here/corpus/tokenizer" "$here/corpus/config" \
    "$here/corpus/index" "$here/corpus/added_tokens"

python3 - "$golden" "$here/corpus/torch" <<'END'
import pathlib, sys, zipfile
golden, corpus = map(pathlib.Path, sys.argv[1:])
for shard in golden.glob("*/*.bin"):
    with zipfile.ZipFile(shard) as archive:
        table = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        (corpus / f"{shard.parent.name}-{shard.stem}.pkl").write_bytes(archive.read(table)[:4096])

# A whole archive of two tensors. Its sums are 0, which means that there are none: or else every change
# would be found out by them.
def tensor(name, key, *shape):
    text = lambda value: b"X" + len(value).to_bytes(4, "little") + value
    numbers = lambda values: b"(" + b"".join(b"K" + bytes([value]) for value in values) + b"t"
    storage = b"(" + text(b"storage") + b"ctorch\nFloatStorage\n" + text(key) + text(b"cpu") + b"K\x06tQ"
    strides = shape[1:] + (1,)
    sizes = b"K\0" + numbers(shape) + numbers(strides)
    return text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + sizes + b"\x89NtR"

pickle = b"\x80\x02}(" + tensor(b"a", b"0", 2, 3) + tensor(b"b", b"1", 6) + b"u."
path = corpus / "archive.zip"
with zipfile.ZipFile(path, "w") as archive:
    for name, data in [("data.pkl", pickle), ("data/0", bytes(24)), ("data/1", bytes(24)), ("version", b"3")]:
        archive.writestr(f"x/{name}", data)
whole = path.read_bytes()
with zipfile.ZipFile(path) as archive:
    for entry in archive.infolist():
        whole = whole.replace(entry.CRC.to_bytes(4, "little"), bytes(4))
path.write_bytes(whole)
END
python3 - "$here/corpus/gguf/small" <<'END'
# Entries of several kinds, and a tensor in plain numbers and one in blocks.
import struct, sys
text = lambda value: struct.pack("<Q", len(value)) + value
entries = [
    (b"general.architecture", 8, text(b"glamm")),
    (b"general.alignment", 4, struct.pack("<I", 32)),
    (b"glamm.format_version", 4, struct.pack("<I", 1)),
    (b"bytes", 9, struct.pack("<IQ", 0, 3) + b"abc"),
    (b"texts", 9, struct.pack("<IQ", 8, 2) + text(b"a") + text(b"bc")),
    (b"nested", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 6, 1) + struct.pack("<f", 1)),
    (b"number", 6, struct.pack("<f", 1)),
    (b"yes", 7, b"\1"),
]
tensors = [(b"a", (3, 2), 0, 0, 24), (b"b", (256, 2), 12, 32, 288)]
file = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
for key, kind, value in entries:
    file += text(key) + struct.pack("<I", kind) + value
for name, shape, kind, offset, _ in tensors:
    file += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
    file += struct.pack("<IQ", kind, offset)
file += bytes(-len(file) % 32)
for *_, length in tensors:
    file += bytes(length) + bytes(-length % 32)
open(sys.argv[1], "wb").write(file)
END
head -c 65536 "$golden/expected/c01_gcg_wide.safetensors" > "$here/corpus/safetensors/cut"
cp "$golden/glamm-tiny/tokenizer.model" "$here/corpus/tokenizer/tiny"
cp "$golden/glamm-tiny/added_tokens.json" "$here/corpus/added_tokens/tiny"
cp "$golden/glamm-tiny/pytorch_model.bin.index.json" "$here/corpus/index/tiny"
for model in "$golden/glamm-tiny $golden/clip-tiny" "$demo $demo/clip"; do
    set -- $model
    name=$(basename "$1")
    { cat "$1/config.json"; printf '\0'; cat "$2/config.json"; printf '\0'; cat "$2/preprocessor_config.json"; } \
        > "$here/corpus/config/$name"
done

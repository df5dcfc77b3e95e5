#!/usr/bin/env bash
# Every row of engine/PERFORMANCE.md, both sides by turns on a quiet machine, in less than 25 minutes of two cores:
#   run_all.sh GLAMM Q4K.gguf Q8_0.gguf WORK_DIR
# GLAMM is a release build; the GGUF files are full-size ones (`glamm dev fabricate`, `glamm models convert`).
# WORK_DIR takes llama.cpp (built there if it is not), exported models (11 GB), and results/. README.md
# beside this file says what each script does. PYTHON: an interpreter with torch, numpy and gguf; THREADS: 2.
set -euo pipefail
[ "$#" -eq 4 ] || { sed -n '2,7s/^# \?//p' "$0" >&2; exit 2; }
glamm=$(realpath "$1") q4k=$(realpath "$2") q8=$(realpath "$3") work=$(realpath -m "$4")
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3} threads=${THREADS:-2}
results=$work/results
mkdir -p "$results"
rm -f "$results"/*.json
export PYTHONDONTWRITEBYTECODE=1

say() { printf '== %4d s  %s\n' "$SECONDS" "$1" >&2; }
ours() { # NAME MODEL ROWS RUNS
    say "ours: $1"
    "$glamm" bench --json --device cpu --threads "$threads" --model "$2" --only "$3" --runs "$4" >"$results/ours-$1.json"
}
llama() { # NAME MODEL ROWS RUNS
    say "llama.cpp: $1"
    "$python" "$here/llama_rows.py" "$work/build/bin" "$2" --threads "$threads" --only "$3" --runs "$4" >"$results/llama-$1.json"
}
pytorch() { # NAME DTYPES ROWS RUNS
    say "PyTorch: $1"
    "$python" "$here/torch_parts.py" --threads "$threads" --dtypes "$2" --only "$3" --runs "$4" >"$results/torch-$1.json"
}

# Before the clock starts.
[ -e "$work/build/bin/libllama.so" ] || PYTHON=$python "$here/build_llama_cpp.sh" "$work"
for model in "$q4k" "$q8"; do
    exported=$work/llama-$(basename "$model")
    [ -e "$exported" ] || "$python" "$here/export_llama_cpp.py" "$model" "$exported"
done
llama_q4k=$work/llama-$(basename "$q4k") llama_q8=$work/llama-$(basename "$q8")
SECONDS=0

for round in 1 2; do
    ours "decode-q4k-$round" "$q4k" decode 3
    llama "q4k-decode-$round" "$llama_q4k" decode 3
    ours "prefill-q4k-$round" "$q4k" prefill 1
    llama "q4k-prefill-$round" "$llama_q4k" prefill 1
done
ours decode-q8-1 "$q8" decode 3
llama q8_0-decode-1 "$llama_q8" decode 3
ours decode-q8-2 "$q8" decode 3

small=global-encoder,pixel-decoder,pixel-decoder-8
ours small-1 "$q4k" "$small" 3
pytorch small bf16,f32 "$small" 3
ours small-2 "$q4k" "$small" 3
ours large-1 "$q4k" grounding-encoder,region-encoder 1
pytorch large-bf16 bf16 grounding-encoder,region-encoder 2
ours large-2 "$q4k" grounding-encoder,region-encoder 1
pytorch large-f32 f32 grounding-encoder,region-encoder 1

ours turn-1 "$q4k" turn 1
say "the official way"
"$python" - "$results" >"$work/parts.json" <<'PARTS'
import json, pathlib, sys
found = [json.loads(path.read_text()) for path in sorted(pathlib.Path(sys.argv[1]).glob("torch-*.json"))]
print(json.dumps({"rows": [row for document in found for row in document["rows"]]}))
PARTS
"$python" "$here/official_turn.py" --threads "$threads" --parts "$work/parts.json" >"$results/official.json"
ours turn-2 "$q4k" turn 1
ours opening "$q4k" turn-words-first,turn-encoders-first 1
ours follow-ups "$q4k" follow-ups 1

say "ours: the demo model"
"$glamm" bench --json --device cpu --only demo-reply --runs 5 >"$results/ours-demo.json"
display=()
[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || display=(xvfb-run -a -s "-screen 0 1600x1000x24")
"${display[@]}" "$glamm" bench --json --only first-frame --runs 5 >"$results/ours-window.json"

say "done"
"$python" "$here/compare.py" "$results" | tee "$results/table.md"

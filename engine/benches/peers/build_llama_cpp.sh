#!/usr/bin/env bash
# Builds llama.cpp's library from the source package of llama-cpp-python:
#   build_llama_cpp.sh DIR        (DIR/build/bin/libllama.so; needs cmake, a C++ compiler, pip)
# One job at low priority: two minutes or more. What is there already is kept.
set -euo pipefail
[ "$#" -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
python=${PYTHON:-python3}

unpacked() { find . -maxdepth 1 -type d -name 'llama_cpp_python-*' -print -quit; }
if [ -z "$(unpacked)" ]; then
    [ -e "$(echo llama_cpp_python-*.tar.gz)" ] ||
        "$python" -m pip download --quiet --no-deps --no-binary llama-cpp-python llama-cpp-python
    tar xf llama_cpp_python-*.tar.gz
fi
source=$(unpacked)
# For this very processor, as our own build is; nothing that needs a network or a browser.
nice -n 15 cmake -S "$source/vendor/llama.cpp" -B build -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
    -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF \
    -DBUILD_SHARED_LIBS=ON >cmake.log
nice -n 15 cmake --build build --target llama -j "${JOBS:-1}" >build.log
echo "$PWD/build/bin"

"""Trains the vocabulary: `python train_tokenizer.py CONVERSATIONS.jsonl OUT_DIR [--pieces N]`.

A LLaMA-like sentencepiece BPE (identity normalisation, byte fallback, digits split, dummy
prefix). The first word of a first question follows a newline, thus has no leading blank:
such lines are given to the trainer without the dummy prefix, which is switched on afterwards.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator
from pathlib import Path

import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as proto

from glamm.text import ADDED, IMAGE_PREFIX, SPECIAL, SYSTEM

# Makes the words of the fixed texts whole pieces whatever the corpus holds.
TEMPLATE_WEIGHT = 3000
# Every printable ASCII character is a piece, so that any question can be written.
ASCII = "".join(chr(i) for i in range(33, 127))


def fragments(file: Path, limit: int) -> Iterator[str]:
    """Text between special tokens, with a leading blank where the dummy prefix will stand."""
    for _ in range(TEMPLATE_WEIGHT):
        yield f" {SYSTEM} USER: The"
        yield f" {IMAGE_PREFIX.split('>')[-1].strip()}"
        yield " USER: ASSISTANT:"
    with file.open() as lines:
        for number, line in enumerate(lines):
            if number >= limit:
                return
            for k, turn in enumerate(json.loads(line)["turns"]):
                yield from _split(turn["user"], first_bare=k == 0)
                yield from _split(turn["reply"], first_bare=False)


def _split(text: str, first_bare: bool) -> Iterator[str]:
    for name in [*ADDED, *SPECIAL]:
        text = text.replace(name, "\0")
    for i, part in enumerate(p.strip() for p in text.split("\0")):
        if part:
            yield part if i == 0 and first_bare else f" {part}"


def train(file: Path, pieces: int, limit: int) -> proto.ModelProto:
    """The trained model with the dummy prefix switched on."""
    out = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=fragments(file, limit),
        model_writer=out,
        model_type="bpe",
        vocab_size=pieces,
        character_coverage=1.0,
        byte_fallback=True,
        split_digits=True,
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        required_chars=ASCII,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        num_threads=1,
        hard_vocab_limit=False,
        minloglevel=1,
    )
    model = proto.ModelProto.FromString(out.getvalue())
    model.normalizer_spec.add_dummy_prefix = True
    model.trainer_spec.model_prefix = ""
    return model


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("conversations", type=Path)
    args.add_argument("out", type=Path)
    args.add_argument("--pieces", type=int, default=900)
    args.add_argument("--limit", type=int, default=60_000, help="conversations read")
    a = args.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    model = train(a.conversations, a.pieces, a.limit)
    (a.out / "tokenizer.model").write_bytes(model.SerializeToString())
    added = {name: len(model.pieces) + i for i, name in enumerate(ADDED)}
    (a.out / "added_tokens.json").write_text(json.dumps(added, indent=2) + "\n")
    print(f"{len(model.pieces)} pieces, {len(added)} added")


if __name__ == "__main__":
    main()

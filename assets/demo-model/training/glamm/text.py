"""Tokenizer and conversation template, exactly as GLaMM's inference sees text."""

from __future__ import annotations

import json
import re
from pathlib import Path

from sentencepiece import SentencePieceProcessor

SYSTEM = (
    "A chat between a curious human and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the human's questions."
)
IMAGE_PREFIX = "The <im_start><image><im_end> provides an overview of the picture."
ADDED = ["<im_start>", "<im_end>", "<bbox>", "<point>", "[SEG]", "<p>", "</p>"]
SPECIAL = {"<unk>": 0, "<s>": 1, "</s>": 2}
IMAGE = -200
BOS, EOS = 1, 2


class Tokenizer:
    """The slow LLaMA tokenizer with GLaMM's added tokens."""

    def __init__(self, folder: Path) -> None:
        self.pieces = SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
        self.added: dict[str, int] = json.loads((folder / "added_tokens.json").read_text())
        self.names = {i: t for t, i in (self.added | SPECIAL).items()}
        words = sorted(self.added | SPECIAL, key=len, reverse=True)
        self.splitter = re.compile("(" + "|".join(re.escape(w) for w in words) + ")")
        self.seg, self.bbox = self.added["[SEG]"], self.added["<bbox>"]

    def encode(self, text: str) -> list[int]:
        """Ids without BOS. White space around added tokens is dropped; every fragment between
        special tokens is a sentencepiece call of its own."""
        parts = self.splitter.split(text)
        ids: list[int] = []
        for i, part in enumerate(parts):
            if part in self.added:
                ids.append(self.added[part])
            elif part in SPECIAL:
                ids.append(SPECIAL[part])
            else:
                if i > 0 and parts[i - 1] in self.added:
                    part = part.lstrip()
                if i + 1 < len(parts) and parts[i + 1] in self.added:
                    part = part.rstrip()
                if part:
                    ids += self.pieces.encode(part)
        return ids

    def encode_prompt(self, prompt: str) -> list[int]:
        """Ids with BOS and -200 for `<image>`."""
        ids = [BOS]
        for i, part in enumerate(prompt.split("<image>")):
            ids += ([IMAGE] if i else []) + self.encode(part)
        return ids

    def decode(self, ids: list[int]) -> str:
        """Text of a reply. Pieces between two added tokens form a group; groups and added tokens
        are joined by one blank; doubled blanks are then halved once and newlines dropped."""
        groups: list[str] = []
        run: list[int] = []
        for i in [*ids, -1]:
            if i >= 0 and self.names.get(i, "") not in self.added:
                run.append(i)
                continue
            if run:
                groups.append(self._group(run))
                run = []
            if i >= 0:
                groups.append(self.names[i])
        return " ".join(groups).replace("\n", "").replace("  ", " ")

    def _group(self, ids: list[int]) -> str:
        """A run of pieces that ends in a special token gets a blank before it."""
        out, run = "", []
        for i in ids:
            if i not in SPECIAL.values():
                run.append(i)
                continue
            if run:
                out += " " + self.pieces.decode(run)
                run = []
            out += self.names[i]
        return out + (self.pieces.decode(run) if run else "")


def prompt(turns: list[tuple[str, str | None]]) -> str:
    """The whole conversation; a reply of None is the slot to be filled.

    A finished reply is stored with its `</s>`, and the template adds another.
    """
    text = SYSTEM + " "
    for i, (user, reply) in enumerate(turns):
        user = user.replace("&lt;", "<").replace("&gt;", ">")
        text += "USER: " + (f"{IMAGE_PREFIX}\n{user}" if i == 0 else user) + " ASSISTANT:"
        if reply is not None:
            text += f" {reply}</s></s>"
    return text

"""Stage 3: teaches the pixel decoder clicks and boxes, and lets it keep what it makes of `[SEG]`.

Everything else is frozen; `prepare_decoder.py` has kept what it says. Writes `RUN/decoder.pt`, which
`export.py` takes; see README.md.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glamm.checkpoint import load
from glamm.clicks import correct, draw_things, frame
from glamm.data import Data
from glamm.mask_decoder import FOREGROUND, GroundingEncoder
from glamm.mask_losses import candidate_losses
from glamm.optim import Optimiser
from train import Log, rate, save

MASKS = 4
# Steps of the warm-up.
WARM = 100
WEIGHTS = {"first": 1.0, "others": 1.0, "iou_error": 1.0, "old": 2.0}
"""Of the loss terms of every prompt; `old` is the distance to the masks that `[SEG]`s had before."""
BOX_ERROR = 0.05
Terms = dict[str, Tensor]


class Prompts:
    """Prompts on the pictures of a data set, as the application makes them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.data = Data(folder)
        self.kept = dict(np.load(folder / "cache" / "decoder.npz"))
        self.generator = torch.Generator().manual_seed(seed)
        self.frame = self.data.sam.shape[1]

    def embeddings(self, images: np.ndarray) -> Tensor:
        """Of the grounding encoder, [M, C, h, w]."""
        return torch.from_numpy(self.kept["embedding"][images]).float()

    def some(self, limit: int, count: int) -> np.ndarray:
        """Numbers below the limit."""
        return torch.randint(limit, (count,), generator=self.generator).numpy()

    def segs(self, decoder: GroundingEncoder, old: GroundingEncoder, count: int) -> Terms:
        """Losses of `[SEG]` prompts."""
        rows = self.some(len(self.kept["prompt"]), count)
        pictures = self.embeddings(self.kept["image"][rows])
        prompts = torch.from_numpy(self.kept["prompt"][rows]).float()[:, None]
        wanted = torch.from_numpy(np.unpackbits(self.kept["mask"][rows], axis=1)).view(-1, 1, 128, 128)
        logits, iou = decoder.decode(pictures, prompts, MASKS)
        with torch.no_grad():
            before = old.decode(pictures, prompts)[0][:, 0]
        terms = candidate_losses(logits, iou, halved(wanted), torch.ones(count, 1))
        return terms | {"old": F.binary_cross_entropy_with_logits(logits[:, 0], before.sigmoid())}

    def places(self, decoder: GroundingEncoder, count: int, corrections: int) -> dict[str, Terms]:
        """Losses of one click, of that and corrections, of a box, and of a box and a correction."""
        things = draw_things(self.data, self.some(len(self.data), count), self.generator)
        pictures, meant = self.embeddings(things.images), things.meant
        places = things.places[:, None]
        kinds = torch.full(places.shape[:2], FOREGROUND)
        logits, iou = self.decode(decoder, pictures, places, kinds)
        out = {"click": candidate_losses(logits, iou, halved(things.meanings), things.share)}
        target, sure = halved(meant), torch.ones(len(meant), 1)
        # The one that the application shows, and people correct.
        used = 1 + iou[:, 1:].argmax(1)
        shown = logits[torch.arange(len(used)), used]
        for _ in range(corrections):
            places, kinds = self.clicked(places, kinds, shown, meant)
            logits, iou = self.decode(decoder, pictures, places, kinds)
            out[f"clicks{places.shape[1]}"] = candidate_losses(logits, iou, target, sure)
            shown = logits[:, 0]
        places, kinds = frame(meant[:, 0], BOX_ERROR, self.generator)
        logits, iou = self.decode(decoder, pictures, places, kinds)
        out["box"] = candidate_losses(logits, iou, target, sure)
        places, kinds = self.clicked(places, kinds, logits[:, 0], meant)
        logits, iou = self.decode(decoder, pictures, places, kinds)
        return out | {"box_click": candidate_losses(logits, iou, target, sure)}

    def clicked(self, places: Tensor, kinds: Tensor, shown: Tensor, meant: Tensor) -> tuple[Tensor, Tensor]:
        """The prompts with one correction more; clicks come before the box, as in SAM."""
        place, kind = correct(shown.detach(), meant[:, 0], self.generator)
        return torch.cat([place[:, None], places], 1), torch.cat([kind[:, None], kinds], 1)

    def decode(self, decoder: GroundingEncoder, pictures: Tensor, places: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
        """All masks of clicks and boxes, places from 0 to 1."""
        return decoder.decode(pictures, decoder.prompt_encoder.embed_points(places * self.frame, kinds), MASKS)


def halved(masks: Tensor) -> Tensor:
    """Covered shares of the cells of the logits' own resolution, where losses take a third of the time."""
    return F.avg_pool2d(masks.float(), 2)


def weighted(terms: Terms) -> Tensor:
    """The loss of one kind of prompt."""
    return sum(weight * terms[k] for k, weight in WEIGHTS.items() if k in terms)


def flat(groups: dict[str, Terms], kept: tuple[str, ...]) -> dict[str, float]:
    """Terms for the log."""
    return {f"{g}.{k}": float(v.detach()) for g, terms in groups.items() for k, v in terms.items() if k in kept}


@torch.no_grad()
def held_out(decoder: GroundingEncoder, old: GroundingEncoder, folder: Path, log: Log, head: str) -> None:
    """The same prompts on held-out pictures, the same ones every time."""
    prompts = Prompts(folder, 0)
    for _ in range(6):
        groups = {"seg": prompts.segs(decoder, old, 80)} | prompts.places(decoder, 48, 2)
        log.add(flat(groups, ("iou", "iou_used", "iou_best", "iou_error", "old")))
    log.flush(head)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("model", type=Path, help="exported model to begin with")
    args.add_argument("--data", type=Path, nargs="+", required=True)
    args.add_argument("--val", type=Path, required=True)
    args.add_argument("--work", type=Path, required=True)
    args.add_argument("--steps", type=int, default=4000)
    args.add_argument("--segs", type=int, default=24, help="[SEG] prompts of a step")
    args.add_argument("--things", type=int, default=16, help="things clicked and framed in a step")
    args.add_argument("--seg-weight", type=float, default=2.0)
    args.add_argument("--lr", type=float, default=1e-3)
    args.add_argument("--muon-lr", type=float, default=0.01)
    args.add_argument("--eval-steps", type=int, default=250)
    a = args.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    train(a)


def train(a: argparse.Namespace) -> None:
    """Steps until the end, with figures and checkpoints of averaged weights on the way."""
    model = load(a.model)
    grounding = model.model.grounding_encoder
    old = copy.deepcopy(grounding).requires_grad_(False)
    mean = copy.deepcopy(grounding).requires_grad_(False)
    optimiser = Optimiser([grounding.prompt_encoder, grounding.mask_decoder], a.muon_lr, a.lr)
    sets = [Prompts(folder, 1) for folder in a.data]
    log, held = Log(a.work / "decoder.log"), Log(a.work / "decoder_held_out.log")
    held_out(mean, old, a.val, held, "step 0 held out")
    for step in range(a.steps):
        prompts = sets[step % len(sets)]
        groups = {"seg": prompts.segs(grounding, old, a.segs)}
        groups |= prompts.places(grounding, a.things, 1 + step % 3)
        rest = [weighted(terms) for name, terms in groups.items() if name != "seg"]
        (a.seg_weight * weighted(groups["seg"]) + sum(rest) / len(rest) * 2).backward()
        # By steps and not the clock, so that it can be stopped for a while.
        optimiser.step(rate(step, step / a.steps, WARM))
        done = step + 1
        with torch.no_grad():
            for target, source in zip(mean.parameters(), grounding.parameters()):
                target.lerp_(source, 1 - min(0.995, done / (done + 10)))
        log.add(flat({k: groups[k] for k in ("seg", "click", "clicks2", "box")}, ("iou", "iou_used", "iou_best", "iou_error")))
        if done % 25 == 0:
            log.flush(f"step {done}")
        if done % a.eval_steps == 0 or done == a.steps:
            held_out(mean, old, a.val, held, f"step {done} held out")
            keep(a.work, model, mean)


def keep(work: Path, model: torch.nn.Module, mean: GroundingEncoder) -> None:
    """Saves the model with the averaged weights of the decoder."""
    state = model.state_dict()
    state |= {f"model.grounding_encoder.{k}": v for k, v in mean.state_dict().items()}
    save(work / "decoder.pt", {"ema": state})


if __name__ == "__main__":
    main()

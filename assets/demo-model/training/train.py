"""Trains the demo model.

`encoders`: CLIP with the region encoder, and SAM with its decoder, apart (one process each).
`together`: everything, in two processes with averaged gradients.
Both run until `--until` (HH:MM, or minutes from now as +N) and can be continued; see README.md.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from export import full_config
from glamm import config as sizes
from glamm import losses
from glamm.data import Data, Packer
from glamm.evaluate import Sums, evaluate, questions, report
from glamm.heads import Heads
from glamm.init import initialise
from glamm.model import Glamm
from glamm.optim import Optimiser
from glamm.text import Tokenizer

HERE = Path(__file__).parent


@dataclass
class Weights:
    """Of the loss terms of stage 2."""

    ce: float = 1.0
    bce: float = 2.0
    dice: float = 1.0
    iou_error: float = 0.05
    pull: float = 0.5
    cells: float = 0.15
    regions: float = 0.3
    place: float = 1.0

    @classmethod
    def without_helpers(cls) -> Weights:
        """Of what the model itself says alone: where the helper heads know nothing yet."""
        return cls(pull=0, cells=0, regions=0, place=0)


def end_time(text: str) -> float:
    """Seconds since the epoch."""
    if text.startswith("+"):
        return time.time() + 60 * float(text[1:])
    now = datetime.now()
    hour, minute = map(int, text.split(":"))
    end = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (end if end > now else end + timedelta(days=1)).timestamp()


def rate(step: int, done: float, warm: int) -> float:
    """Factor of the rates: a warm-up in steps, then a cosine to zero over the share of the training that is done."""
    return min(1.0, (step + 1) / warm) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


class Schedule:
    """Warm-up in steps, then a cosine to zero at a wall-clock time: a busy machine makes fewer
    steps, not an unfinished schedule."""

    def __init__(self, start: float, end: float, warm: int) -> None:
        self.start, self.end, self.warm = start, end, warm

    def factor(self, step: int) -> float:
        done = min(1.0, (time.time() - self.start) / (self.end - self.start))
        return rate(step, done, self.warm)


def build(tokenizer: Path, kinds: int) -> tuple[Glamm, Heads]:
    """Model and helper heads with fresh weights."""
    import json

    clip = json.loads((HERE / "config" / "clip" / "config.json").read_text())
    model = Glamm(sizes.parse(full_config(tokenizer), clip))
    initialise(model)
    return model, Heads(model.config, kinds)


def compile_blocks(model: Glamm) -> None:
    """Compiles the repeated blocks; far faster to build than whole networks."""
    for layer in model.model.layers:
        layer.train_forward = torch.compile(layer.train_forward, dynamic=False)


class Log:
    """Running means, printed now and then."""

    def __init__(self, file: Path | None) -> None:
        self.file, self.sums, self.count = file, {}, 0

    def add(self, terms: dict[str, Any]) -> None:
        self.count += 1
        for k, v in terms.items():
            self.sums[k] = self.sums.get(k, 0.0) + float(v)

    def flush(self, head: str) -> None:
        means = " ".join(f"{k} {v / self.count:.3f}" for k, v in self.sums.items())
        self.write(f"{datetime.now():%H:%M:%S} {head} {means}")
        self.sums, self.count = {}, 0

    def write(self, text: str) -> None:
        if self.file:
            print(text, flush=True)
            with self.file.open("a") as f:
                f.write(text + "\n")


def save(file: Path, state: dict[str, Any]) -> None:
    """Writes beside, then renames: a crash leaves the old one."""
    torch.save(state, file.with_suffix(".part"))
    file.with_suffix(".part").rename(file)


def encoders(a: argparse.Namespace) -> None:
    """Stage 1, one half (`--half clip` or `sam`)."""
    data = Data(a.data)
    model, heads = build(a.tokenizer, len(data.names))
    parts: list[nn.Module] = (
        [model.clip, model.model.region_encoder] if a.half == "clip" else [model.model.grounding_encoder]
    )
    helpers = [heads.cells, heads.region] if a.half == "clip" else [heads.kind, heads.color, heads.place, heads.mix]
    optimiser = Optimiser([*parts, *helpers], a.muon_lr, a.lr)
    schedule = Schedule(time.time(), end_time(a.until), 100)
    generator = torch.Generator().manual_seed(a.seed)
    log = Log(a.work / f"{a.half}.log")
    step = 0
    order = torch.randperm(len(data), generator=generator)
    while time.time() < schedule.end:
        if len(order) < a.batch:
            order = torch.randperm(len(data), generator=generator)
        images, order = order[: a.batch], order[a.batch :]
        terms = encoder_step(model, heads, data, images, a.half, generator)
        optimiser.step(schedule.factor(step))
        log.add(terms)
        step += 1
        if step % 25 == 0:
            log.flush(f"{a.half} step {step}")
    keep = {f"{a.half}.{i}": part.state_dict() for i, part in enumerate([*parts, *helpers])}
    save(a.work / f"{a.half}.pt", keep)


def encoder_step(
    model: Glamm, heads: Heads, data: Data, images: Tensor, half: str, generator: torch.Generator
) -> losses.Terms:
    """Forward and backward of one half."""
    number = images.numpy()
    if half == "clip":
        states = model.clip_states(losses.clip_input(torch.from_numpy(data.clip[number])))
        chosen = losses.pick_rows(data, images, 4, generator)
        labels = torch.from_numpy(data.labels[number])
        terms = losses.clip_terms(model, heads, data, states, labels, chosen)
        loss = terms["cells"] + terms["regions"]
    else:
        chosen = losses.pick_rows(data, images, 6, generator)
        embedding = model.model.grounding_encoder.image_encoder(
            losses.sam_input(torch.from_numpy(data.sam[number]))
        )
        box = losses.jitter(losses.attributes(data, chosen[0])[2], 0.1, generator)
        terms = losses.grounding_terms(model, heads, data, embedding, chosen, box)
        loss = 2 * terms["bce"] + terms["dice"] + 0.05 * terms["iou_error"]
    loss.backward()
    return {k: v.detach() for k, v in terms.items()}


def load_encoders(run: Path, model: Glamm, heads: Heads) -> None:
    """Takes over what stage 1 left."""
    clip, sam = (torch.load(run / f"{half}.pt", weights_only=True) for half in ("clip", "sam"))
    for i, part in enumerate([model.clip, model.model.region_encoder, heads.cells, heads.region]):
        part.load_state_dict(clip[f"clip.{i}"])
    for i, part in enumerate([model.model.grounding_encoder, heads.kind, heads.color, heads.place, heads.mix]):
        part.load_state_dict(sam[f"sam.{i}"])


def average_gradients(params: list[nn.Parameter]) -> None:
    """Means over the processes; what has no gradient counts as zero."""
    flat = torch.cat([(p.grad if p.grad is not None else torch.zeros_like(p)).flatten() for p in params])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    at = 0
    for p in params:
        p.grad = flat[at : at + p.numel()].view_as(p)
        at += p.numel()


class Together:
    """Stage 2 in one of the processes."""

    def __init__(self, a: argparse.Namespace) -> None:
        self.a, self.w = a, Weights.without_helpers() if a.no_helpers else Weights()
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        self.data = Data(a.data)
        self.tokenizer = Tokenizer(a.tokenizer)
        self.model, self.heads = build(a.tokenizer, len(self.data.names))
        self.optimiser = Optimiser([self.model, self.heads], a.muon_lr, a.lr)
        grounding = self.model.model.grounding_encoder
        self.optimiser.slow_down([self.model.clip, self.model.model.region_encoder], a.clip_rate)
        self.optimiser.slow_down([grounding], a.sam_rate)
        self.ema: dict[str, Tensor] = {}
        self.step = 0
        self.start = time.time()
        self._restore()
        if a.compile:
            compile_blocks(self.model)
        self.generator = torch.Generator().manual_seed(1000 * self.rank + self.step)
        tokens = self.model.config.image_tokens
        self.packer = Packer(self.data, a.length, tokens, a.masks, 77 * self.rank + self.step)
        self.log = Log(a.work / "together.log" if self.rank == 0 else None)
        self.held_out = Data(a.val)
        share = range(self.rank * a.val_scenes // self.world, (self.rank + 1) * a.val_scenes // self.world)
        self.asked = questions(a.val, self.held_out, self.tokenizer, share)

    def _restore(self) -> None:
        file = self.a.work / "last.pt"
        if file.exists():
            saved = torch.load(file, weights_only=True)
            self.model.load_state_dict(saved["model"])
            self.heads.load_state_dict(saved["heads"])
            if not self.a.fresh_optimiser:
                self.optimiser.load_state_dict(saved["optimiser"])
            self.ema, self.step = saved["ema"], saved["step"]
            if self.a.until == saved["until"]:
                self.start = saved["start"]
        else:
            load_encoders(self.a.work, self.model, self.heads)
            self.ema = {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    def run(self) -> None:
        """Steps, with figures and checkpoints by the clock."""
        shared = torch.tensor([end_time(self.a.until)], dtype=torch.float64)
        dist.broadcast(shared, 0)
        end = float(shared)
        schedule = Schedule(self.start, end, self.step + 40)
        saved = evaluated = self._clock()
        while (t := self._clock()) < end:
            self.one_step(schedule)
            if self.step % 20 == 0:
                self.log.flush(f"step {self.step} factor {schedule.factor(self.step):.3f} {(time.time() - t):.1f}s")
            if t - saved > 60 * self.a.save_minutes:
                saved = t
                self.save()
            if t - evaluated > 60 * self.a.eval_minutes:
                evaluated = t
                self.figures()
        self.save()
        self.figures()

    def _clock(self) -> float:
        """The first process's clock: all must agree when to stop and when to compare figures."""
        now = torch.tensor([time.time()], dtype=torch.float64)
        dist.broadcast(now, 0)
        return float(now)

    def one_step(self, schedule: Schedule) -> None:
        batch = self.packer.next(self.a.batch)
        terms, states, _ = losses.together(self.model, self.heads, self.data, batch)
        chosen = losses.pick_rows(self.data, batch.images, 2, self.generator)
        terms |= losses.clip_terms(self.model, self.heads, self.data, states, batch.labels, chosen)
        loss = sum(getattr(self.w, k) * v for k, v in terms.items() if hasattr(self.w, k))
        loss.backward()
        average_gradients(self.optimiser.params)
        norm = self.optimiser.step(schedule.factor(self.step))
        self.step += 1
        with torch.no_grad():
            decay = min(0.995, self.step / (self.step + 10))
            for k, v in self.model.state_dict().items():
                self.ema[k].lerp_(v, 1 - decay)
        self.log.add({k: v.detach() for k, v in terms.items()} | {"norm": norm})

    def figures(self) -> None:
        """Free-running figures of the averaged weights on the held-out scenes."""
        began = time.time()
        own = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.model.load_state_dict(self.ema)
        part = evaluate(self.model, self.held_out, self.tokenizer, self.asked)
        self.model.load_state_dict(own)
        parts: list[Sums] = [{} for _ in range(self.world)]
        dist.all_gather_object(parts, part)
        total: Sums = {}
        for sums in parts:
            for k, (x, y) in sums.items():
                old = total.get(k, [0.0, 0.0])
                total[k] = [old[0] + x, old[1] + y]
        self.log.write(f"{datetime.now():%H:%M:%S} step {self.step}: held out ({time.time() - began:.0f} s)\n{report(total)}")

    def save(self) -> None:
        if self.rank == 0:
            save(
                self.a.work / "last.pt",
                {
                    "model": self.model.state_dict(),
                    "heads": self.heads.state_dict(),
                    "ema": self.ema,
                    "optimiser": self.optimiser.state_dict(),
                    "step": self.step,
                    "start": self.start,
                    "until": self.a.until,
                },
            )


def arguments() -> argparse.Namespace:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("stage", choices=["encoders", "together"])
    args.add_argument("--data", type=Path, required=True)
    args.add_argument("--val", type=Path)
    args.add_argument("--tokenizer", type=Path, required=True)
    args.add_argument("--work", type=Path, required=True)
    args.add_argument("--until", required=True, help="HH:MM or +minutes")
    args.add_argument("--half", choices=["clip", "sam"], help="of the encoders")
    args.add_argument("--batch", type=int, default=8, help="pictures per process")
    args.add_argument("--length", type=int, default=384, help="positions of a packed row")
    args.add_argument("--masks", type=int, default=8, help="masks per picture at most")
    args.add_argument("--lr", type=float, default=1.5e-3)
    args.add_argument("--muon-lr", type=float, default=0.015)
    args.add_argument("--clip-rate", type=float, default=0.5, help="share of the rate for CLIP's matrices")
    args.add_argument("--sam-rate", type=float, default=1.0, help="the same for SAM's")
    args.add_argument("--seed", type=int, default=0)
    args.add_argument("--val-scenes", type=int, default=64)
    args.add_argument("--eval-minutes", type=float, default=10)
    args.add_argument("--save-minutes", type=float, default=5)
    args.add_argument("--compile", action="store_true")
    args.add_argument("--no-helpers", action="store_true", help="without the helper heads' losses")
    args.add_argument("--fresh-optimiser", action="store_true", help="continue from weights alone")
    return args.parse_args()


def main() -> None:
    a = arguments()
    a.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    if a.stage == "encoders":
        encoders(a)
        return
    dist.init_process_group("gloo")
    Together(a).run()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()

"""Ours beside theirs: `compare.py RESULTS_DIR [--into engine/PERFORMANCE.md]` prints the table, and puts it there.

RESULTS_DIR is what `run_all.sh` has filled: `ours-*.json` from `glamm bench --json`, `llama-*.json`,
`torch-*.json` and `official.json` from the scripts here. Of several files of one row all runs count.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

BEGIN, END = "<!-- table -->\n", "<!-- end of table -->"

# What `glamm bench` calls the limits of a machine, by what a row names.
LIMITS = {"memory": "read_gb_s", "bytes": "bytes_gop_s", "floats": "floats_gop_s"}

HEADER = """| work | ours | peer | ratio | bar | processor time, ours | share of limit |
|---|---|---|---|---|---|---|"""


class Results:
    """All that was measured."""

    def __init__(self, folder: Path) -> None:
        self.ours: dict[tuple[str, str], list[dict]] = {}
        documents = [json.loads(path.read_text()) for path in sorted(folder.glob("ours-*.json"))]
        self.machines = [document["machine"] for document in documents]
        for document in documents:
            for row in document["rows"]:
                row["share"] = self.share(row, document["machine"])
                self.ours.setdefault((document["model"]["precision"], row["row"]), []).append(row)
        read = lambda pattern: [json.loads(path.read_text()) for path in sorted(folder.glob(pattern))]
        self.llama = {name: read(f"llama-{name}-*.json") for name in ("q4k", "q8_0")}
        self.torch = [row for document in read("torch-*.json") for row in document["rows"]]
        self.official = read("official.json")

    def share(self, row: dict, machine: dict) -> float | None:
        """Of the best that any run measured with so many threads: a run that was disturbed measured less."""
        limit = LIMITS.get(row.get("limit"))
        if row.get("share") is None or limit is None:
            return row.get("share")
        best = max(other[limit][-1] for other in self.machines if other[limit] and other["threads"] == machine["threads"])
        return row["share"] * machine[limit][-1] / best

    def of(self, precision: str, row: str) -> list[dict]:
        return [found for found in self.ours.get((precision, row), []) if found["wall_ms"] is not None]

    def any_precision(self, row: str) -> list[dict]:
        return [found for precision, name in self.ours if name == row for found in self.of(precision, row)]

    def tokens(self, precision: str, row: str) -> float | None:
        """Of llama.cpp, a second."""
        each = [rate for document in self.llama[precision] for found in document["rows"] if found["row"] == row for rate in found["each"]]
        return statistics.median(each) if each else None

    def torch_ms(self, row: str) -> tuple[float, str] | None:
        """The faster of PyTorch's number formats."""
        times = {}
        for found in self.torch:
            if found["row"] == row:
                times.setdefault(found["dtype"], []).extend(found["each_wall_ms"])
        if not times:
            return None
        name = min(times, key=lambda dtype: statistics.median(times[dtype]))
        return statistics.median(times[name]), name


def wall(rows: list[dict]) -> float | None:
    """The median of all runs, in milliseconds."""
    each = [ms for row in rows for ms in row["each_wall_ms"]]
    return statistics.median(each) if each else None


def middle(rows: list[dict], key: str) -> float | None:
    values = [row[key] for row in rows if row.get(key) is not None]
    return statistics.median(values) if values else None


def line(work: str, ours: str, peer: str, ratio: str, bar: str, rows: list[dict]) -> str:
    processor, share = middle(rows, "processor_ms"), middle(rows, "share")
    limit = next((row["limit"] for row in rows if row.get("limit")), "")
    by_turns = middle(rows, "share_by_turns")
    of_limit = "" if share is None else f"{share:.0%} of {limit}"
    if by_turns is not None:
        of_limit += f", by turns {by_turns:.0%}"
    return "| " + " | ".join([
        work, ours, peer, ratio, bar,
        "" if processor is None else milliseconds(processor),
        of_limit,
    ]) + " |"


def milliseconds(ms: float) -> str:
    return f"{ms / 1e3:.2f} s" if ms >= 1e3 else f"{ms:.1f} ms"


def tokens_line(results: Results, precision: str, row: str, work: str, bar: str) -> str:
    rows = results.of(precision, row)
    ours, theirs = middle(rows, "tokens_per_second"), results.tokens(precision, row)
    rate = lambda value: "not measured" if value is None else f"{value:.2f} tokens/s"
    ratio = f"{ours / theirs:.2f} ×" if ours and theirs else ""
    return line(work, rate(ours), rate(theirs), ratio, bar, rows)


def time_line(work: str, rows: list[dict], peer: float | None, name: str, bar: str) -> str:
    ours = wall(rows)
    show = lambda ms: "not measured" if ms is None else milliseconds(ms)
    ratio = f"{peer / ours:.2f} ×" if ours and peer else ""
    return line(work, show(ours), f"{show(peer)} {name}".strip() if name else "", ratio, bar, rows)


def follow_ups_line(results: Results) -> str:
    work, bar = "time to first token of a follow-up, 20th turn", "≤ 10 % of the first, not growing"
    rows = [row for row in results.any_precision("follow-ups") if row["follow_ups"]]
    if not rows:
        return line(work, "not measured", "", "", bar, [])
    first, *later = [turn["first_token_ms"] for turn in rows[0]["follow_ups"]]
    halves = [statistics.median(half) for half in (later[: len(later) // 2], later[len(later) // 2 :])]
    ours = f"{milliseconds(later[-1])} (turns 2–10 {milliseconds(halves[0])}, 11–20 {milliseconds(halves[1])})"
    return line(work, ours, f"{milliseconds(first)} first turn", f"{later[-1] / first:.1%}", bar, rows)


def bound_line(results: Results, row: str, work: str, bar: str) -> str:
    rows = results.any_precision(row)
    ours = wall(rows)
    return line(work, "not measured" if ours is None else milliseconds(ours), "", "", bar, rows)


def table(results: Results) -> str:
    """Markdown: a line for each bar, then the limits of the machine."""
    lines = [HEADER]
    for precision, row, work, bar in [
        ("q4k", "decode", "decode at 700 positions, Q4K", "≥ 1.1 ×, ≥ 80 % of memory"),
        ("q8_0", "decode", "decode at 700 positions, Q8_0", "≥ 1.1 ×, ≥ 80 % of memory"),
        ("q4k", "prefill", "prefill of 640 positions, Q4K", "≥ 1.5 ×"),
    ]:
        lines.append(tokens_line(results, precision, row, work, bar))
    for row, work, bar in [
        ("grounding-encoder", "SAM ViT-H, one image", "≥ 1.5 ×"),
        ("global-encoder", "CLIP ViT-L/14-336", "≥ 1.2 ×"),
        ("region-encoder", "region encoder, 4 boxes", "≥ 1.0 ×"),
        ("pixel-decoder", "pixel decoder, 1 mask", "≥ 1.0 ×"),
        ("pixel-decoder-8", "pixel decoder, 8 masks", "≥ 1.0 ×"),
    ]:
        peer, dtype = results.torch_ms(row) or (None, "")
        lines.append(time_line(work, results.any_precision(row), peer, f"PyTorch {dtype}".strip(), bar))
    official = results.official[0]["rows"][0]["wall_ms"] if results.official else None
    turn = results.of("q4k", "turn")
    lines.append(time_line("whole grounded turn, 60 tokens, 4 masks", turn, official, "the official way", "≥ 10 ×"))
    lines.append(follow_ups_line(results))
    lines.append(bound_line(results, "demo-reply", "demo model, whole reply, one core", "≤ 1.0 s"))
    lines.append(bound_line(results, "first-frame", "start to first frame, demo model embedded", "≤ 0.7 s"))
    return "\n".join(lines + limits(results.machines))


def limits(machines: list[dict]) -> list[str]:
    """The best that any run has measured: others were disturbed."""
    whole = [machine for machine in machines if machine["threads"] > 1]
    if not whole:
        return []

    def best(key: str) -> str:
        found = [machine[key] for machine in whole if machine[key]]
        return " and ".join(f"{max(rates):.0f}" for rates in zip(*found)) or "unknown"

    return ["", f"Limits, with one thread and with {whole[0]['threads']}: memory {best('read_gb_s')} GB/s; in 10⁹ operations "
            f"a second, f32 {best('floats_gop_s')}, bytes {best('bytes_gop_s')}."]


def main() -> None:
    found = table(Results(Path(sys.argv[1])))
    print(found)
    if sys.argv[2:3] == ["--into"]:
        document = Path(sys.argv[3])
        before, rest = document.read_text().split(BEGIN)
        document.write_text(f"{before}{BEGIN}{found}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()

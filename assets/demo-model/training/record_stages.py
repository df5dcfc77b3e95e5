"""Records the trained model's stages as golden data for the engine:
`python record_stages.py MODEL_DIR DATA_DIR OUT_DIR`.

Same layout and tensor names as the reference data of the official code, but computed by this
program, with the f16 weights widened to float32. The checkpoint is not copied: the manifest's
`checkpoint` and `clip` name it relative to OUT_DIR. One picture is scaled to a wide format, so
that padding and cropping take part, and only what the suite compares is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from glamm.checkpoint import clip_dir, load
from glamm.llama import causal_bias
from glamm.model import Glamm
from glamm.preprocess import clip_crop, sam_resize
from glamm.stages import case_stages, embed, image_stages
from glamm.text import EOS, Tokenizer, prompt

SIZE = (96, 64)
"""Width and height of the recorded picture: small, so that masks at its size are."""
LIMIT = 96
SKIPPED = {"logits_generated_steps", "sam_dense_embedding_first"}
SKIPPED_OF_IMAGE = {"clip_hidden_0", "clip_hidden_1", "clip_center_crop_u8_hwc", "sam_resized_u8_hwc"}
QUESTIONS = [
    ("segment_box", "Please segment what is in <bbox>.", True, None),
    ("followup", "What colour is it?", False, "segment_box"),
    ("gcg", "Can you provide a detailed description of this image? Please output with interleaved "
     "segmentation masks for the corresponding phrases.", False, None),
]
"""Name, text, whether a box goes with it, and the case that it follows."""


@torch.no_grad()
def answer(model: Glamm, tokenizer: Tokenizer, image: Image.Image, case: dict[str, Any]) -> list[int]:
    """The greedy reply, computed without a cache."""
    pictures, states = image_stages(model, image)
    rows, regions = pictures["mm_projector_out"][0], None
    if case["boxes_normalised"]:
        boxes = torch.tensor(case["boxes_normalised"])
        regions = model.region_rows(states, boxes, torch.zeros(len(boxes), dtype=torch.long))
    ids: list[int] = []
    margins = []
    while len(ids) < LIMIT:
        x = embed(model, case["input_ids"] + ids, rows, regions, tokenizer.bbox)
        hidden, _ = model.llm(x, torch.arange(x.shape[1])[None], causal_bias(x.shape[1]))
        best = model.lm_head(hidden[0, -1]).topk(2)
        margins.append(round(float(best.values[0] - best.values[1]), 4))
        ids.append(int(best.indices[0]))
        if ids[-1] == EOS:
            break
    case["top2_logit_margin_per_step"], case["min_margin"] = margins, min(margins)
    return ids


def describe(model: Glamm, tokenizer: Tokenizer, case: dict[str, Any], found: dict[str, Tensor]) -> None:
    """What the manifest says of an answered case."""
    ids = case["answer_ids"]
    shift = model.config.image_tokens - 1
    sequence = case["input_ids"] + ids
    text = tokenizer.decode(ids).strip()
    case |= {
        "ends_with_eos": ids[-1] == EOS,
        "text_output": text,
        "gcg_caption": caption(text),
        "gcg_phrases": [p.strip() for p in raw_phrases(text)],
        "seg_count_in_text_output": text.count("[SEG]"),
        "seg": [],
    }
    places = [i for i, token in enumerate(sequence) if token == tokenizer.seg]
    for k, i in enumerate(places):
        logits = found["mask_logits"][k]
        case["seg"].append(
            {
                "seg_index_in_sequence": i,
                "feeding_index_in_sequence": i - 1,
                "feeding_index_in_expanded": i - 1 + shift,
                "feeding_token_id": sequence[i - 1],
                "in_prompt": i < len(case["input_ids"]),
                "mask_area_gt0": int((logits > 0).sum()),
                "mask_pixels": logits.numel(),
                "pixels_with_abs_logit_below_1e_3": int((logits.abs() < 1e-3).sum()),
            }
        )
    case["mask_indices_shown_by_app"] = list(range(len(places)))[len(places) - text.count("[SEG]") :]


def raw_phrases(text: str) -> list[str]:
    """What stands between `<p>` and `</p>`."""
    return [part.split("</p>")[0] for part in text.split("<p>")[1:]]


def caption(text: str) -> str:
    """The answer without markers, as the GCG evaluation script cleans it."""
    text = re.sub(r"<.*?>", "", text).replace("[SEG]", "")
    return " ".join(text.split()).strip("'").strip()


def record_case(
    model: Glamm, tokenizer: Tokenizer, image: Image.Image, name: str, done: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """One question of `QUESTIONS` answered and recorded."""
    _, user, with_box, parent = next(q for q in QUESTIONS if q[0] == name)
    w, h = image.size
    boxes = [[round(w * 0.25), round(h * 0.2), round(w * 0.75), round(h * 0.9)]] if with_box else []
    turns: list[tuple[str, str | None]] = []
    if parent:
        before = done[parent]
        turns.append((before["user_text"], before["text_output"].removesuffix("</s>")))
        boxes = before["boxes_xyxy_pixels"]
    turns.append((user, None))
    text = prompt(turns)
    resized = sam_resize(image, model.config.sam.image_size).shape[:2]
    case: dict[str, Any] = {
        "id": name,
        "image": "scene",
        "user_text": user,
        "follow_up_of": parent,
        "mode": "greedy",
        "max_new_tokens": LIMIT,
        "prompt": text,
        "input_ids": tokenizer.encode_prompt(text),
        "resize_list_hw": list(resized),
        "original_size_hw": [h, w],
        "boxes_xyxy_pixels": boxes,
        "boxes_normalised": [[b[0] / w, b[1] / h, b[2] / w, b[3] / h] for b in boxes],
        "region_channel_stride": {"input_conv": 16, "fused": 16, "roi": 16},
        "tensor_file": f"expected/{name}.safetensors",
    }
    case["answer_ids"] = answer(model, tokenizer, image, case)
    found = case_stages(model, tokenizer, image, case)
    describe(model, tokenizer, case, found)
    return case, {k: v for k, v in found.items() if k not in SKIPPED}


def save_image(model: Glamm, image: Image.Image, out: Path) -> dict[str, Any]:
    """The picture, its two prepared forms and its tensors."""
    c = model.config
    clip_side, sam_side = c.clip.image_size, c.sam.image_size
    for folder in ("images", "preprocess", "expected"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    image.save(out / "images/scene.png", optimize=True)
    Image.fromarray(clip_crop(image, clip_side)).save(out / f"preprocess/scene_clip{clip_side}.png", optimize=True)
    sam = sam_resize(image, sam_side)
    Image.fromarray(sam).save(out / f"preprocess/scene_sam{sam_side}.png", optimize=True)
    found, _ = image_stages(model, image)
    kept = {k: v for k, v in found.items() if k not in SKIPPED_OF_IMAGE and not k.startswith("sam_block_")}
    save_file(kept, out / "expected/image_scene.safetensors")
    w, h = image.size
    short = min(w, h)
    size = [clip_side if x == short else int(clip_side * x / short) for x in (w, h)]
    return {
        "file": "images/scene.png",
        "width": w,
        "height": h,
        f"clip{clip_side}": {
            "file": f"preprocess/scene_clip{clip_side}.png",
            "resized_wh": size,
            "crop_left_top": [(s - clip_side) // 2 for s in size],
        },
        f"sam{sam_side}": {"file": f"preprocess/scene_sam{sam_side}.png", "resize_list_hw": list(sam.shape[:2])},
        "tensor_file": "expected/image_scene.safetensors",
    }


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("model", type=Path)
    args.add_argument("data", type=Path)
    args.add_argument("out", type=Path)
    args.add_argument("--cases", default="segment_box", help="names of QUESTIONS, with commas")
    args.add_argument("--scene", type=int, default=0, help="number of the picture in DATA_DIR")
    a = args.parse_args()
    model, tokenizer = load(a.model), Tokenizer(a.model)
    whole = Image.open(a.data / "images" / f"{a.scene:06}.png").convert("RGB")
    cut = whole.height - whole.width * SIZE[1] // SIZE[0]
    image = whole.crop((0, cut, whole.width, whole.height)).resize(SIZE, Image.Resampling.BICUBIC)
    a.out.mkdir(parents=True, exist_ok=True)
    images = {"scene": save_image(model, image, a.out)}
    done: dict[str, Any] = {}
    for name in a.cases.split(","):
        case, tensors = record_case(model, tokenizer, image, name, done)
        save_file(tensors, a.out / case["tensor_file"])
        done[name] = case
        print(f"{name}: {case['text_output']}")
    c = model.config
    manifest = {
        "format": 1,
        "set": "demo",
        "checkpoint": os.path.relpath(a.model, a.out),
        "clip": os.path.relpath(clip_dir(a.model), a.out),
        "images": images,
        "cases": list(done.values()),
        "tokens": {
            "unk": 0,
            "bos": 1,
            "eos": 2,
            "seg_token_idx": tokenizer.seg,
            "bbox_token_idx": tokenizer.bbox,
            "bop_token_idx": tokenizer.added["<p>"],
            "eop_token_idx": tokenizer.added["</p>"],
            "im_start": tokenizer.added["<im_start>"],
            "im_end": tokenizer.added["<im_end>"],
            "point": tokenizer.added["<point>"],
            "image_placeholder": -200,
        },
        "image_tokens": c.image_tokens,
        "sam_image_size": c.sam.image_size,
        "clip_image_size": c.clip.image_size,
        "region_level_hidden_state_indices": [c.state_index(i) for i in c.region.level_layers],
        "selected_hidden_state_index": c.state_index(c.select_layer),
    }
    (a.out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()

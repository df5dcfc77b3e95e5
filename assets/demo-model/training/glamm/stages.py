"""Every recorded value of the pipeline, for comparing with golden data and for recording it."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch import Tensor

from .llama import causal_bias, rotary
from .model import Glamm, full_size_mask
from .preprocess import clip_crop, clip_pixels, sam_pixels, sam_resize
from .region import with_coordinates
from .text import IMAGE, Tokenizer


@torch.no_grad()
def image_stages(model: Glamm, image: Image.Image) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Stages of one picture, and the hidden states of CLIP."""
    c = model.config
    crop = torch.from_numpy(clip_crop(image, c.clip.image_size).copy())
    resized = torch.from_numpy(sam_resize(image, c.sam.image_size).copy())
    out = {"clip_center_crop_u8_hwc": crop, "sam_resized_u8_hwc": resized}
    out["clip_pixel_values"] = clip_pixels(crop[None])
    out["sam_input"] = sam_pixels(resized[None], c.sam.image_size)
    states = model.clip_states(out["clip_pixel_values"])
    kept = {0, 1} | {c.state_index(i) for i in c.region.level_layers}
    out |= {f"clip_hidden_{i}": states[i] for i in sorted(kept)}
    out["clip_selected_patch_features"] = states[c.state_index(c.select_layer)][:, 1:]
    out["mm_projector_out"] = model.image_rows(states)
    encoder = model.model.grounding_encoder.image_encoder
    blocks = encoder.stages(out["sam_input"])
    out["sam_patch_embed"] = blocks[0]
    out |= {f"sam_block_{i}": block for i, block in enumerate(blocks[1:])}
    out["sam_image_embedding"] = encoder.neck(blocks[-1].permute(0, 3, 1, 2))
    return {k: v.clone(memory_format=torch.contiguous_format) for k, v in out.items()}, states


def embed(model: Glamm, ids: list[int], rows: Tensor, regions: Tensor | None, bbox: int) -> Tensor:
    """Embeddings [1, X, W] of ids with the image spliced in and `<bbox>` rows replaced."""
    table = model.model.embed_tokens
    parts, taken = [], 0
    for i in ids:
        if i == IMAGE:
            parts.append(rows)
        elif i == bbox and regions is not None:
            parts.append(regions[taken if len(regions) > 1 else 0][None])
            taken += 1
        else:
            parts.append(table.weight[i][None])
    return torch.cat(parts)[None]


@torch.no_grad()
def region_stages(
    model: Glamm, states: list[Tensor], boxes: Tensor, strides: dict[str, int], with_input: bool
) -> dict[str, Tensor]:
    """Stages of the region encoder; maps keep every k-th channel."""
    encoder = model.model.region_encoder
    found = encoder.stages(model.region_states(states), boxes, torch.zeros(len(boxes), dtype=torch.long))
    out = {
        "boxes_normalised": boxes,
        "region_box_pos_embedding": found["pos"],
        "region_flatten_linear_out": found["flat"],
        "region_embeddings": found["out"],
    }
    for level, fused in enumerate(found["fused"]):
        out[f"region_fused_l{level}"] = fused[:, :: strides["fused"]].contiguous()
        out[f"region_roi_l{level}"] = found["roi"][level][:, :: strides["roi"]].contiguous()
    if with_input:
        for level, grid in enumerate(encoder.levels(model.region_states(states))):
            conv = encoder.mlvl_fuse.input_conv[level]
            value = conv(with_coordinates(grid))[:, :: strides["input_conv"]]
            out[f"region_input_conv_l{level}"] = value.contiguous()
    return out


@torch.no_grad()
def case_stages(model: Glamm, tokenizer: Tokenizer, image: Image.Image, case: dict[str, Any]) -> dict[str, Tensor]:
    """Stages of one conversation whose answer is known."""
    pictures, states = image_stages(model, image)
    sequence = case["input_ids"] + case["answer_ids"]
    out = {"input_ids": torch.tensor(case["input_ids"]), "sequence_ids": torch.tensor(sequence)}
    regions = None
    if case.get("boxes_normalised"):
        boxes = torch.tensor(case["boxes_normalised"], dtype=torch.float32)
        out |= region_stages(model, states, boxes, case["region_channel_stride"], True)
        regions = out["region_embeddings"]
    rows = pictures["mm_projector_out"][0]
    x = embed(model, sequence[:-1], rows, regions, tokenizer.bbox)
    out["inputs_embeds"] = x
    hidden = _llm_stages(model, x, out)
    shift = model.config.image_tokens - 1
    first = len(case["input_ids"]) - 1 + shift
    logits = model.lm_head(hidden)
    out["logits_last_prompt_position"] = logits[first]
    out["logits_generated_steps"] = logits[first:]
    feeding = [i - 1 + shift for i, token in enumerate(sequence) if token == tokenizer.seg]
    if feeding:
        out |= mask_stages(model, hidden[feeding], pictures, image.size)
    out["inputs_embeds"] = x[0]
    return {k: v.clone(memory_format=torch.contiguous_format) for k, v in out.items()}


def _llm_stages(model: Glamm, x: Tensor, out: dict[str, Tensor]) -> Tensor:
    positions = torch.arange(x.shape[1])[None]
    mask = causal_bias(x.shape[1])
    table = rotary(positions, model.config.llm)
    out["llm_layer0_out"] = model.model.layers[0](x, table, mask, None)[0][0]
    hidden = model.llm(x, positions, mask)[0][0]
    out["last_hidden_state"] = hidden
    return hidden


@torch.no_grad()
def mask_stages(
    model: Glamm, hidden: Tensor, pictures: dict[str, Tensor], size_wh: tuple[int, int]
) -> dict[str, Tensor]:
    """From the hidden states that feed `[SEG]` to masks at the picture's size."""
    grounding = model.model.grounding_encoder
    prompts = model.seg_prompts(hidden)
    embedding = pictures["sam_image_embedding"]
    pictured = embedding.expand(len(prompts), -1, -1, -1)
    low, iou = grounding.decode(pictured, prompts[:, None], masks=1 + model.config.sam.num_multimask_outputs)
    resized = pictures["sam_resized_u8_hwc"].shape[:2]
    side = grounding.side
    no_mask = grounding.prompt_encoder.no_mask_embed.weight[:, :, None, None]
    return {
        "seg_hidden": hidden,
        "seg_pred_embedding": prompts,
        "sam_sparse_embedding": prompts[:, None],
        "sam_dense_embedding_first": no_mask.expand(1, -1, side, side),
        "sam_mask_tokens_low_res_logits": low,
        "sam_iou_predictions": iou,
        "mask_logits": full_size_mask(low[:, 0], model.config.sam.image_size, tuple(resized), size_wh[::-1]),
    }

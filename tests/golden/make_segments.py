"""Makes segments.safetensors: SAM's own prompt encoder and mask decoder (PyPI: segment-anything 1.0), as
`SamPredictor` calls them, on the weights of the checkpoint in public/glamm-tiny and the recorded image
embedding of public/images/wide.png: masks of clicks and boxes, which GLaMM's recorded conversations
do not have, and what the mask tokens looked at.

Needs torch, torchvision, safetensors, segment-anything. Run: python3 make_segments.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from segment_anything.modeling.mask_decoder import MaskDecoder
from segment_anything.modeling.prompt_encoder import PromptEncoder
from segment_anything.modeling.transformer import TwoWayTransformer
from segment_anything.utils.transforms import ResizeLongestSide

HERE = Path(__file__).parent
CHECKPOINT = HERE / "public/glamm-tiny"

sam = json.loads((CHECKPOINT / "config.json").read_text())["tiny_arch"]["sam"]
image = json.loads((HERE / "public/manifest.json").read_text())["images"]["wide"]
embedding = load_file(HERE / "public" / "expected/image_wide.safetensors")["sam_image_embedding"]

grid, dims = sam["image_size"] // sam["patch_size"], sam["prompt_embed_dim"]
prompts = PromptEncoder(
    embed_dim=dims,
    image_embedding_size=(grid, grid),
    input_image_size=(sam["image_size"], sam["image_size"]),
    mask_in_chans=sam["mask_in_chans"],
)
decoder = MaskDecoder(
    transformer_dim=dims,
    transformer=TwoWayTransformer(
        depth=sam["decoder_depth"],
        embedding_dim=dims,
        mlp_dim=sam["decoder_mlp_dim"],
        num_heads=sam["decoder_num_heads"],
    ),
    num_multimask_outputs=sam["num_multimask_outputs"],
    iou_head_depth=sam["iou_head_depth"],
    iou_head_hidden_dim=sam["iou_head_hidden_dim"],
)
weights = {}
for shard in sorted(CHECKPOINT.glob("pytorch_model-*.bin")):
    weights |= torch.load(shard, map_location="cpu", weights_only=True)
for part, name in ((prompts, "prompt_encoder"), (decoder, "mask_decoder")):
    prefix = f"model.grounding_encoder.{name}."
    own = {k.removeprefix(prefix): v.float() for k, v in weights.items() if k.startswith(prefix)}
    part.load_state_dict(own, strict=True)

transform = ResizeLongestSide(sam["image_size"])
size = (image["height"], image["width"])
softmax, looks = torch.softmax, []


def recording(x, dim):
    looks.append(softmax(x, dim=dim))
    return looks[-1]


torch.softmax = recording

# Pixels of the image: x, y, and 1 for what belongs to the mask.
CASES = {
    "click": ([[60.0, 40.0, 1.0]], None),
    "clicks": ([[60.0, 40.0, 1.0], [150.5, 80.25, 0.0], [20.0, 100.0, 1.0]], None),
    "box": ([], [30.0, 20.0, 120.0, 110.0]),
    "both": ([[60.0, 40.0, 1.0], [110.0, 100.0, 0.0]], [30.0, 20.0, 120.0, 110.0]),
}
out = {}
for name, (clicks, box) in CASES.items():
    points = boxes = None
    if clicks:
        rows = np.array(clicks)
        at = transform.apply_coords(rows[:, :2], size)
        points = (torch.tensor(at).float()[None], torch.tensor(rows[:, 2]).int()[None])
        out[f"{name}_clicks"] = torch.tensor(clicks)
    if box:
        boxes = torch.tensor(transform.apply_boxes(np.array([box]), size)).float()
        out[f"{name}_box"] = torch.tensor(box)
    looks.clear()
    with torch.no_grad():
        sparse, dense = prompts(points=points, boxes=boxes, masks=None)
        logits, iou = decoder.predict_masks(embedding, prompts.get_dense_pe(), sparse, dense)
    out[f"{name}_logits"], out[f"{name}_iou"] = logits[0].contiguous(), iou[0].contiguous()
    # In every block: tokens among themselves, tokens to image, image to tokens; then tokens to image.
    to_image = looks[1 :: 3][: sam["decoder_depth"]] + [looks[-1]]
    # Token 0 estimates the IoU; the mask tokens follow. [layers, mask tokens, heads, cells]
    masks = 1 + sam["num_multimask_outputs"]
    stacked = torch.stack([look[0, :, 1 : 1 + masks] for look in to_image]).transpose(1, 2)
    out[f"{name}_looks"] = stacked.contiguous()

save_file(out, HERE / "segments.safetensors")

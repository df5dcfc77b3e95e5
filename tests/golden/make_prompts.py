"""Makes prompts.safetensors: SAM's own prompt encoder (PyPI: segment-anything 1.0) on the weights of
the checkpoint in public/glamm-tiny, for point, box and mask prompts, which GLaMM's recorded
conversations do not have. The tests compare the engine's prompt encoder with it.

Needs torch, safetensors, segment-anything. Run: python3 make_prompts.py
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from segment_anything.modeling.prompt_encoder import PromptEncoder

HERE = Path(__file__).parent
CHECKPOINT = HERE / "public/glamm-tiny"
PREFIX = "model.grounding_encoder.prompt_encoder."

sam = json.loads((CHECKPOINT / "config.json").read_text())["tiny_arch"]["sam"]
grid = sam["image_size"] // sam["patch_size"]
encoder = PromptEncoder(
    embed_dim=sam["prompt_embed_dim"],
    image_embedding_size=(grid, grid),
    input_image_size=(sam["image_size"], sam["image_size"]),
    mask_in_chans=sam["mask_in_chans"],
)
weights = {}
for shard in sorted(CHECKPOINT.glob("pytorch_model-*.bin")):
    weights |= torch.load(shard, map_location="cpu", weights_only=True)
own = {k.removeprefix(PREFIX): v.float() for k, v in weights.items() if k.startswith(PREFIX)}
encoder.load_state_dict(own, strict=True)

# Pixels of the frame; 1 is foreground, 0 background.
points = torch.tensor([[[10.0, 20.0], [100.5, 3.0], [64.0, 127.0]]])
labels = torch.tensor([[1, 0, 1]])
box = torch.tensor([[12.0, 30.5, 90.0, 111.0]])
rows = torch.arange(4 * grid, dtype=torch.float32)
mask = (3 * torch.sin(0.31 * rows)[:, None] + 2 * torch.cos(0.17 * rows)[None, :]).reshape(1, 1, 4 * grid, 4 * grid)

with torch.no_grad():
    clicks, _ = encoder(points=(points, labels), boxes=None, masks=None)
    boxed, _ = encoder(points=None, boxes=box, masks=None)
    both, dense = encoder(points=(points, labels), boxes=box, masks=mask)

save_file(
    {
        "points": points[0],
        "labels": labels[0].to(torch.float32),
        "box": box[0],
        "mask": mask.contiguous(),
        "sparse_points": clicks.contiguous(),
        "sparse_box": boxed.contiguous(),
        "sparse_points_and_box": both.contiguous(),
        "dense_mask": dense.contiguous(),
    },
    HERE / "prompts.safetensors",
)

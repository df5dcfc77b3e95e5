"""GLaMM in PyTorch, for training the demo model and as a second witness of the Rust engine.

Tensor names and shapes equal those of the released checkpoints; every size is read from
`config.json` (its `arch` or `tiny_arch` block) and the CLIP `config.json`.
"""

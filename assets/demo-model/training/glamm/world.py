"""What annotations call things: object kinds and parts, and colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as rle

COLORS = "red orange yellow green blue purple pink brown white black".split()


class World:
    """The categories of a data set, numbered from 0 as in its file."""

    def __init__(self, annotations: dict[str, Any]) -> None:
        found = sorted(annotations["categories"], key=lambda c: c["id"])
        self.names = [c["name"] for c in found]
        self.index = {c["id"]: i for i, c in enumerate(found)}

    def label(self, annotation: dict[str, Any]) -> tuple[int, int]:
        """Category and colour."""
        return self.index[annotation["category_id"]], COLORS.index(annotation["attributes"]["color"])


def is_part(annotation: dict[str, Any]) -> bool:
    """Whether it belongs to another annotation."""
    return annotation["attributes"].get("part_of") is not None


def decode_mask(annotation: dict[str, Any]) -> np.ndarray:
    """The visible pixels, uint8 [H, W] of 0 and 1."""
    code = annotation["segmentation"]
    if isinstance(code["counts"], list):
        code = rle.frPyObjects(code, *code["size"])
    return rle.decode(code)

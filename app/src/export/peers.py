"""Reads an export back with the programs that it is meant for: pycocotools, labelme, ultralytics. All of
them must be there. Called by `tests.rs`, and that by `.ci/peers`."""

import json
import pathlib
import sys

import numpy as np
from PIL import Image

folder = pathlib.Path(sys.argv[1])


def iou(a, b):
    return (a & b).sum() / max((a | b).sum(), 1)


truth = [np.array(Image.open(path)) > 0 for path in sorted((folder / "masks/a-scene").glob("*.png"))]
assert len(truth) == 2 and all(mask.any() for mask in truth)

# pycocotools
from pycocotools.coco import COCO
from pycocotools import mask as codes

for file in ["coco-rle.json", "coco-polygons.json"]:
    coco = COCO(folder / file)
    image = next(i for i in coco.loadImgs(coco.getImgIds()) if i["file_name"] == "images/a-scene.png")
    found = [coco.annToMask(a) > 0 for a in coco.loadAnns(coco.getAnnIds(image["id"]))]
    assert len(found) == 3, file
    for mask, expected in zip(found, truth):
        assert (mask == expected).all(), (file, iou(mask, expected))
    assert (folder / image["file_name"]).is_file()
    print(f"pycocotools: {file}: {len(coco.anns)} annotations, masks equal")

# GLaMM's own GranDf_gcg_ds.py, which needs PyTorch and the weights of CLIP: how it reads captions and tags them
for entry in json.loads((folder / "grandf.json").read_text()):
    caption = entry["caption"].strip('"').strip()
    tokens = []
    for phrase, grounding in entry["groundings"].items():
        tokens.append(grounding["token_positives"])
        mask = sum(codes.decode(rle).astype(np.uint8).squeeze() for rle in grounding["rle_masks"])
        assert mask.shape == Image.open(folder / entry["file_name"]).size[::-1] and mask.any()
        start, end = grounding["token_positives"]
        assert caption[start:end].strip() == phrase, phrase
    for start, end in sorted(tokens, key=lambda x: x[0], reverse=True):
        caption = f"{caption[:start]}<p> {caption[start:end]} </p> [SEG]{caption[end:]}"
    assert caption.startswith("<p> A blue disc </p> [SEG] and <p> two"), caption
print("GLaMM: grandf.json: phrases and masks")

# labelme
try:
    from labelme.label_file import LabelFile
except ImportError:
    from labelme._label_file import LabelFile
from labelme.utils import shape_to_mask

path = folder / "labelme/a-scene.json"
file = LabelFile(str(path))
image_path = file.image_path if hasattr(file, "image_path") else file.imagePath
assert (path.parent / image_path).resolve().is_file()
size = truth[0].shape
for number, expected in enumerate(truth):
    label = ["blue disc", "two"][number]
    parts = [s for s in file.shapes if s["label"].startswith(label)]
    mask = np.zeros(size, bool)
    for shape in parts:
        mask |= shape_to_mask(size, shape["points"], shape["shape_type"])
    assert parts and iou(mask, expected) > 0.85, (label, iou(mask, expected))
boxes = [s for s in file.shapes if s["shape_type"] == "rectangle"]
assert np.allclose(boxes[0]["points"], [[4, 5], [44, 25]])
print(f"labelme: {len(file.shapes)} shapes")

# ultralytics
from ultralytics.data.utils import check_det_dataset, verify_image_label

data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
assert "blue disc" in data["names"].values(), data["names"]
label, image = folder / "labels/a-scene.txt", folder / "images/a-scene.png"
result = verify_image_label((str(image), str(label), "", False, len(data["names"]), 0, 0, False))
found, shape, segments = result[1], result[2], result[3]
assert len(found) == 3 and result[8] == 0, result
from ultralytics.data.utils import polygon2mask

for segment, expected in zip(segments, truth):
    height, width = expected.shape
    mask = polygon2mask((height, width), [(segment * [width, height]).reshape(-1)]) > 0
    assert iou(mask, expected) > 0.8, iou(mask, expected)
print(f"ultralytics: {len(found)} labels in {shape}")

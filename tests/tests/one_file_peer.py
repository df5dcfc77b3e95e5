"""What the `gguf` package reads in a file: one JSON document for the test that calls this."""

import json
import sys
import zlib

import gguf
import numpy as np

reader = gguf.GGUFReader(sys.argv[1])
tensors = {}
for tensor in reader.tensors:
    values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float64)
    tensors[tensor.name] = {
        # The package lists the fastest dimension first.
        "shape": [int(side) for side in tensor.shape][::-1],
        "type": tensor.tensor_type.name,
        "crc": zlib.crc32(tensor.data.tobytes()),
        "sum_of_squares": float((values**2).sum()),
    }
fields = {name: field.contents() for name, field in reader.fields.items()}
texts = {name: value for name, value in fields.items() if isinstance(value, str)}
json.dump({"tensors": tensors, "texts": texts}, sys.stdout)

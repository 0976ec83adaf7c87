"""Files of images and labels as MNIST has them."""

from __future__ import annotations

import struct


def to_idx(array):
    """Return an array of bytes in the IDX format."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()

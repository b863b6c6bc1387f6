"""The writer of GGUF files: its layout, read back by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from tests.llm.real.gguf import write_gguf, write_local_model


def test_header_settings_and_aligned_tensors(tmp_path: Path) -> None:
    path = tmp_path / "small.gguf"
    first, second = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(5, np.float32)
    write_gguf(path, {"a": 7, "b": ["x", "yz"], "c": 0.5, "d": True, "e": "ü"}, {"one": first, "two": second})
    data = path.read_bytes()
    assert data[:4] == b"GGUF"
    assert struct.unpack_from("<IQQ", data, 4) == (3, 2, 5)
    settings = b"".join(
        [
            struct.pack("<Q1sII", 1, b"a", 4, 7),
            struct.pack("<Q1sIIQ", 1, b"b", 9, 8, 2) + struct.pack("<Q1sQ2s", 1, b"x", 2, b"yz"),
            struct.pack("<Q1sIf", 1, b"c", 6, 0.5),
            struct.pack("<Q1sI?", 1, b"d", 7, True),
            struct.pack("<Q1sIQ2s", 1, b"e", 8, 2, "ü".encode()),
        ]
    )
    tensors = struct.pack("<Q3sIQQIQ", 3, b"one", 2, 3, 2, 0, 0) + struct.pack(
        "<Q3sIQIQ", 3, b"two", 1, 5, 0, 32
    )
    head = data[:24] + settings + tensors
    assert data.startswith(head)
    start = -(-len(head) // 32) * 32
    assert data[start : start + 24] == first.tobytes()
    assert data[start + 32 : start + 52] == second.tobytes()
    assert len(data) == start + 64


def test_a_model_that_is_no_llama_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="looks at the two tokens before"):
        write_local_model("local/office", tmp_path / "office.gguf")

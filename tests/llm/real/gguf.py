"""An embedded model as a GGUF file, which llama.cpp reads.

Source:
    the GGUF specification, version 3 (ggml project); the byte alphabet of GPT-2's tokenizer.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfunc.llm.local.registry import WEIGHTS, local_model
from hyperfunc.llm.local.tokenizer import SPECIAL_TOKENS, Tokenizer

__all__ = ["write_gguf", "write_local_model"]

_UINT32, _FLOAT32, _BOOL, _STRING, _ARRAY, _INT32 = 4, 6, 7, 8, 9, 5
_ALIGNMENT = 32
_NORMAL, _CONTROL = 1, 3
_BLOCKS = {
    "norm1": "attn_norm",
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "o": "attn_output",
    "norm2": "ffn_norm",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}
_TOP = {"embed": "token_embd", "norm": "output_norm", "unembed": "output"}
Arrays = Mapping[str, NDArray[np.float32]]


def write_local_model(name: str, path: Path) -> Path:
    """Convert an embedded model, such as ``local/prose``; one with a token shift is no plain Llama."""
    model = local_model(name)
    a = model.transformer.architecture
    if a.token_shift:
        raise ValueError(f"{name} looks at the two tokens before, which the Llama architecture does not")
    with np.load(WEIGHTS / f"{name.removeprefix('local/')}.npz", allow_pickle=False) as arrays:
        tensors = {_tensor_name(key): _tensor(key, value, a.heads) for key, value in arrays.items()}
    settings: dict[str, Any] = {
        "general.architecture": "llama",
        "general.name": name,
        "llama.context_length": a.context,
        "llama.embedding_length": a.width,
        "llama.block_count": a.layers,
        "llama.feed_forward_length": a.hidden,
        "llama.attention.head_count": a.heads,
        "llama.attention.head_count_kv": a.heads,
        "llama.attention.layer_norm_rms_epsilon": float(a.norm_eps),
        "llama.rope.dimension_count": a.width // a.heads,
        "llama.rope.freq_base": float(a.rope_base),
        "llama.vocab_size": a.vocab,
    }
    write_gguf(path, settings | _vocabulary(model.tokenizer, model.template.bos), tensors)
    return path


def write_gguf(path: Path, settings: Mapping[str, Any], tensors: Arrays) -> None:
    """Write settings and float32 tensors."""
    header = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(settings))]
    header += [_text(key) + _typed(value) for key, value in settings.items()]
    offset = 0
    for name, array in tensors.items():
        shape = array.shape[::-1]
        header.append(_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset))
        offset += _padded(array.nbytes)
    with path.open("wb") as file:
        head = b"".join(header)
        file.write(head.ljust(_padded(len(head)), b"\0"))
        for array in tensors.values():
            file.write(array.astype("<f4").tobytes().ljust(_padded(array.nbytes), b"\0"))


def _vocabulary(tokenizer: Tokenizer, bos: bool) -> dict[str, Any]:
    alphabet = _byte_alphabet()
    pieces = ["".join(alphabet[b] for b in tokenizer.piece(i)) for i in range(tokenizer.vocab_size)]
    tokens = [*SPECIAL_TOKENS, *pieces[len(SPECIAL_TOKENS) :]]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [
            _CONTROL if i < len(SPECIAL_TOKENS) else _NORMAL for i in range(len(tokens))
        ],
        "tokenizer.ggml.merges": [f"{pieces[left]} {pieces[right]}" for left, right in tokenizer.merges],
        "tokenizer.ggml.bos_token_id": tokenizer.bos_id,
        "tokenizer.ggml.eos_token_id": tokenizer.eos_id,
        "tokenizer.ggml.padding_token_id": tokenizer.pad_id,
        "tokenizer.ggml.add_bos_token": bos,
        "tokenizer.chat_template": "{% for m in messages %}{{ m['content'] }}"
        "{% if not loop.last %}\n{% endif %}{% endfor %}",
    }


def _tensor_name(key: str) -> str:
    if key in _TOP:
        return f"{_TOP[key]}.weight"
    _, layer, part = key.split(".")
    return f"blk.{layer}.{_BLOCKS[part]}.weight"


def _tensor(key: str, value: NDArray[np.floating], heads: int) -> NDArray[np.float32]:
    array = value.astype(np.float32)
    if not key.endswith((".q", ".k")):
        return array
    # llama.cpp turns neighboring elements, the embedded engine elements half a head apart.
    width, columns = array.shape
    halves = array.reshape(heads, 2, width // heads // 2, columns)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(width, columns))


def _byte_alphabet() -> list[str]:
    """GPT-2 writes printable bytes as themselves and the others as characters from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def _typed(value: Any) -> bytes:
    if isinstance(value, list):
        kind = _STRING if isinstance(value[0], str) else _INT32
        items = map(_text, value) if kind == _STRING else (struct.pack("<i", item) for item in value)
        return struct.pack("<IIQ", _ARRAY, kind, len(value)) + b"".join(items)
    if isinstance(value, bool):
        return struct.pack("<I?", _BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", _UINT32, value)
    if isinstance(value, float):
        return struct.pack("<If", _FLOAT32, value)
    return struct.pack("<I", _STRING) + _text(value)


def _text(value: str) -> bytes:
    data = value.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT

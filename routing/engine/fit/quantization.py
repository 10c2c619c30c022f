"""What a quantization's name says: bits per weight, and whose format it is. Each runtime spells it its own way."""

import re
from functools import lru_cache

from ..named_tuple import NamedTuple

# Compiled when first used, as most programs that import this look no model up.
_MLX_BITS = r"(?i)^(?:mlx[-_ ]?)?(\d)[-_ ]?bits?(?:[-_ ].*)?$"
# Bits per weight of whole files: mixtures such as Q4_K_M keep some tensors finer. Read off published file sizes.
_BITS = {
    "F32": 32.0, "F16": 16.0, "BF16": 16.0, "FP16": 16.0, "FP8": 8.0,
    "Q8_0": 8.5, "Q8_K": 8.7, "Q8": 8.5, "Q6_K": 6.57, "Q5_K_M": 5.69, "Q5_K_S": 5.54, "Q5_0": 5.54, "Q5_1": 6.0,
    "Q4_K_M": 4.85, "Q4_K_S": 4.58, "Q4": 4.85, "Q4_0": 4.55, "Q4_1": 5.0, "IQ4_XS": 4.3, "IQ4_NL": 4.56,
    "Q3_K_L": 4.27, "Q3_K_M": 3.91, "Q3_K_S": 3.5, "Q3_K": 3.91, "IQ3_M": 3.7, "IQ3_S": 3.44, "IQ3_XS": 3.3,
    "IQ3_XXS": 3.1, "Q2_K": 3.0, "Q2_K_S": 2.8, "IQ2_M": 2.7, "IQ2_S": 2.5, "IQ2_XS": 2.31, "IQ2_XXS": 2.06,
    "MXFP4": 4.4, "NVFP4": 4.6, "MXFP8": 8.3,
}  # fmt: skip
# llama.cpp writes "Q4_K - Medium".
_SIZES = ((" - MEDIUM", "_M"), (" - SMALL", "_S"), (" - LARGE", "_L"))
_IN_NAME = r"(?i)[-_.:@](MXFP4|NVFP4|(?:UD[-_])?I?Q\d\w*|BF16|F16|\d[-_]?bit)(?=$|[-_.@])"
# Dynamic mixtures of one maker: named like the plain ones, a little larger.
_DYNAMIC_EXTRA = 1.02


class Quantization(NamedTuple):
    """`kind` decides the GPU's work per weight: f16, q8, q4, k (K and I mixtures), mlx, mx (microscaled floats)."""

    name: str
    bits_per_weight: float
    kind: str
    is_mlx: bool


@lru_cache(maxsize=256)
def read_quantization(name: str | None) -> Quantization | None:
    """None for a name that says nothing known. MLX names formats by bits alone; scales add half a bit per weight."""
    text = (name or "").strip()
    found = re.match(_MLX_BITS, text)
    if found:
        bits = int(found[1])
        return Quantization(f"MLX-{bits}bit", bits + 0.5, "mlx", is_mlx=True) if 1 < bits < 9 else None
    plain = text.upper().removeprefix("MLX-").partition("-OLLAMA")[0]
    for words, letter in _SIZES:
        plain = plain.replace(words, letter)
    key = plain.removeprefix("UD-")
    if key.endswith("_XL"):
        key = key.removesuffix("_XL") + ("_M" if key.startswith(("Q4", "Q5")) else "")
    # MLX names the rest of the tensors besides the experts: MXFP4-Q8.
    bits_per_weight = _BITS.get(key.partition("-Q")[0] if key.startswith("MXFP4-Q") else key)
    if bits_per_weight is None:
        return None
    if plain.startswith("UD-"):
        bits_per_weight *= _DYNAMIC_EXTRA
    is_mlx = text.upper().startswith("MLX-")
    return Quantization(plain, bits_per_weight, _kind(key), is_mlx=is_mlx)


def _kind(key: str) -> str:
    if key in ("F32", "F16", "BF16", "FP16"):
        return "f16"
    if key.startswith(("MXFP4", "NVFP")):
        return "mx"
    if key in ("Q8_0", "FP8", "MXFP8"):
        return "q8"
    return "q4" if key in ("Q4_0", "Q4_1", "Q5_0", "Q5_1") else "k"


def quantization_in(model_name: str) -> str | None:
    """The quantization that stands in a file's or a model's name, where the runtime reports none."""
    found = re.search(_IN_NAME, model_name)
    return found[1] if found else None

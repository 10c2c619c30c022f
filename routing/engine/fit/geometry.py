"""The shape of a model: its memory and speed follow from it. Reports and the catalogue carry it in the same JSON.

Every value may be unknown. Nothing is guessed here: what follows from a missing value is unknown too.
"""

from ..named_tuple import NamedTuple
from ..reading.shapes import ObjectReader

# Far beyond any model; a larger figure is a mistake of the file that it was read from.
_MAX_PARAMETERS = 10**14
_MAX_WIDTH = 2**24
_MAX_LAYERS = 2**14
_MAX_STATE_BYTES = 2**40
MAX_CONTEXT_TOKENS = 2**31


class Geometry(NamedTuple):
    """`active_parameters` are read for each token. `layers` are all: full, sliding, MLA and linear ones together.

    Layers with multi-head latent attention (`mla_rank`) count as full ones. `linear_state_bytes` is the state of all
    linear layers of one sequence. `moe_layers` absent means all layers where there are experts.
    `sliding_kv_heads` and `sliding_head_dim` absent mean those of the full layers. `vocabulary` tells the size of the
    output matrix, which a prompt is read without.
    """

    architecture: str | None = None
    parameters: int | None = None
    active_parameters: int | None = None
    layers: int | None = None
    hidden_size: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None
    full_layers: int | None = None
    sliding_layers: int | None = None
    sliding_window: int | None = None
    sliding_kv_heads: int | None = None
    sliding_head_dim: int | None = None
    mla_rank: int | None = None
    mla_rope_dim: int | None = None
    linear_layers: int | None = None
    linear_state_bytes: int | None = None
    experts: int | None = None
    experts_used: int | None = None
    moe_layers: int | None = None
    context_tokens: int | None = None
    vocabulary: int | None = None


UNKNOWN = Geometry()

_HIGHEST = {
    "parameters": _MAX_PARAMETERS,
    "active_parameters": _MAX_PARAMETERS,
    "linear_state_bytes": _MAX_STATE_BYTES,
    "context_tokens": MAX_CONTEXT_TOKENS,
    "sliding_window": MAX_CONTEXT_TOKENS,
    "layers": _MAX_LAYERS,
    "full_layers": _MAX_LAYERS,
    "sliding_layers": _MAX_LAYERS,
    "linear_layers": _MAX_LAYERS,
    "moe_layers": _MAX_LAYERS,
}


def read_geometry(reader: ObjectReader) -> Geometry:
    """Reads the object whose keys are the fields of Geometry; each may be absent or null."""
    architecture = reader.optional_visible_text("architecture", max_length=80)
    numbers = {
        field: reader.optional_integer(field, high=_HIGHEST.get(field, _MAX_WIDTH)) for field in Geometry._fields[1:]
    }
    reader.close()
    return Geometry(architecture, **numbers)


def geometry_document(geometry: Geometry) -> dict[str, object]:
    """The JSON object, without what is unknown."""
    return {field: value for field, value in geometry._asdict().items() if value is not None}

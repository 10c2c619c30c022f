"""Writes a tiny random Llama model that a real llama-server loads: byte vocabulary, a quarter of a megabyte.

usage: python -m tests.runtimes.tiny_gguf OUT.gguf
"""

import string
import sys
from pathlib import Path

import gguf
import numpy as np

CONTEXT_TOKENS, WIDTH, LAYERS = 131_072, 64, 2
# Of a head, at the most: more heads are as slow as more layers.
HEAD_WIDTH = 128
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{{ m.content if m.content is string else '' }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_characters() -> list[str]:
    """GPT-2's printable stand-in for each of the 256 bytes."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(256 + others.index(byte)) for byte in range(256)]


def write_tiny_gguf(path: Path, *, layers: int = LAYERS, width: int = WIDTH) -> None:
    """`width` in steps of 64. The parameters of a layer grow by its square."""
    writer = gguf.GGUFWriter(path, "llama")
    tokens = [*byte_characters(), "<|endoftext|>", "<|im_start|>", "<|im_end|>", "ab"]
    _add_architecture(writer, layers, width)
    _add_vocabulary(writer, tokens)
    _add_tensors(writer, tokens, layers, width)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_architecture(writer: gguf.GGUFWriter, layers: int, width: int) -> None:
    writer.add_name("Tiny Random Llama")
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(2 * width)
    heads = max(2, width // HEAD_WIDTH)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads // 2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)


def _add_vocabulary(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    end = tokens.index("<|im_end|>")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token.startswith("<|") else 1 for token in tokens])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
    writer.add_vocab_size(len(tokens))


def _add_tensors(writer: gguf.GGUFWriter, tokens: list[str], layers: int, width: int) -> None:
    random = np.random.default_rng(0)
    # As large at each width in what a layer adds.
    scale = 0.05 * (WIDTH / width) ** 0.5

    def noise(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) * scale).astype(np.float16)

    # Dimension 0 carries a constant, so that the head can favour a to z: a random model that emits broken UTF-8
    # makes llama-server's chat parser answer 500.
    embedding, head = noise(len(tokens), width), noise(len(tokens), width)
    embedding[:, 0] = 10.0
    head[:, 0] = [1.0 if set(token) <= set(string.ascii_lowercase) else -1.0 for token in tokens]
    head[tokens.index("<|im_end|>"), 0] = 0.9
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output.weight", head)
    writer.add_tensor("output_norm.weight", np.ones(width, dtype=np.float32))
    for layer in range(layers):
        for name, shape in _layer_shapes(width).items():
            values = noise(*shape) if len(shape) == 2 else np.ones(shape, dtype=np.float32)
            writer.add_tensor(f"blk.{layer}.{name}.weight", values)


def _layer_shapes(width: int) -> dict[str, tuple[int, ...]]:
    key_width, feed_forward = width // 2, 2 * width
    return {
        "attn_norm": (width,),
        "attn_q": (width, width),
        "attn_k": (key_width, width),
        "attn_v": (key_width, width),
        "attn_output": (width, width),
        "ffn_norm": (width,),
        "ffn_gate": (feed_forward, width),
        "ffn_up": (feed_forward, width),
        "ffn_down": (width, feed_forward),
    }


if __name__ == "__main__":
    write_tiny_gguf(Path(sys.argv[1]))

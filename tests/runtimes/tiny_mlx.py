"""Writes a tiny random Llama as an MLX folder that a real mlx_lm.server loads: byte vocabulary, half a megabyte.

usage: python -m tests.runtimes.tiny_mlx FOLDER
"""

import json
import string
import sys
from collections.abc import Iterator
from pathlib import Path

import mlx.core as mx
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

WIDTH, LAYERS, FEED_FORWARD, HEADS, KV_HEADS, CONTEXT_TOKENS = 64, 2, 128, 2, 1, 32_768
HEAD_WIDTH = WIDTH // HEADS
END = "<|im_end|>"


def write_tiny_mlx(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _write_tokenizer(folder)
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "intermediate_size": FEED_FORWARD,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "rms_norm_eps": 1e-5,
        "vocab_size": len(vocabulary),
        "max_position_embeddings": CONTEXT_TOKENS,
        "rope_theta": 10_000.0,
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
        "eos_token_id": vocabulary[END],
        "bos_token_id": vocabulary[END],
    }
    (folder / "config.json").write_text(json.dumps(config))
    weights = dict(_weights(vocabulary))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    total = {"total_parameters": sum(weight.size for weight in weights.values())}
    index = {"metadata": total, "weight_map": dict.fromkeys(sorted(weights), "model.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _write_tokenizer(folder: Path) -> dict[str, int]:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*letters, END, "ab"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("a", "b")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "bos_token": END,
        "chat_template": "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return vocabulary


def _weights(vocabulary: dict[str, int]) -> Iterator[tuple[str, mx.array]]:
    """The head favours a to z, so that what is generated is text."""
    mx.random.seed(0)

    def noise(*shape: int) -> mx.array:
        return (mx.random.normal(shape) * 0.05).astype(mx.float16)

    letters = {number for token, number in vocabulary.items() if set(token) <= set(string.ascii_lowercase)}
    favour = mx.array([[1.0 if number in letters else -1.0] for number in range(len(vocabulary))]).astype(mx.float16)
    constant = mx.full((len(vocabulary), 1), 10.0).astype(mx.float16)
    yield "model.embed_tokens.weight", mx.concatenate([constant, noise(len(vocabulary), WIDTH - 1)], axis=1)
    yield "lm_head.weight", mx.concatenate([favour, noise(len(vocabulary), WIDTH - 1)], axis=1)
    yield "model.norm.weight", mx.ones((WIDTH,))
    for layer in range(LAYERS):
        for name, shape in _layer_shapes().items():
            yield f"model.layers.{layer}.{name}.weight", noise(*shape) if len(shape) == 2 else mx.ones(shape)


def _layer_shapes() -> dict[str, tuple[int, ...]]:
    return {
        "input_layernorm": (WIDTH,),
        "post_attention_layernorm": (WIDTH,),
        "self_attn.q_proj": (WIDTH, WIDTH),
        "self_attn.k_proj": (KV_HEADS * HEAD_WIDTH, WIDTH),
        "self_attn.v_proj": (KV_HEADS * HEAD_WIDTH, WIDTH),
        "self_attn.o_proj": (WIDTH, WIDTH),
        "mlp.gate_proj": (FEED_FORWARD, WIDTH),
        "mlp.up_proj": (FEED_FORWARD, WIDTH),
        "mlp.down_proj": (WIDTH, FEED_FORWARD),
    }


if __name__ == "__main__":
    write_tiny_mlx(Path(sys.argv[1]))

"""Writes a checkpoint of random-checkpoint.ts as a GGUF file, so that a peer serves the same weights and the same tokens.

    pip install gguf numpy
    python bench/peer/checkpoint-to-gguf.py CHECKPOINT FILE.gguf [--type Q4_0]

Matrices are quantised one by one from the checkpoint's bfloat16 values, embedding and head included, so that no two of
them hold equal bytes. Knows the one architecture that random-checkpoint.ts makes: Qwen 2 with tied embeddings.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType
from gguf.quants import quantize

# Names of Hugging Face's Qwen2ForCausalLM -> names of GGUF.
LAYER_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
GLOBAL_NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}


def gguf_name(name: str) -> str:
    stem, kind = name.rsplit(".", 1)
    if stem in GLOBAL_NAMES:
        return f"{GLOBAL_NAMES[stem]}.{kind}"
    _, _, layer, rest = stem.split(".", 3)
    return f"blk.{layer}.{LAYER_NAMES[rest]}.{kind}"


def tensors(file: Path):
    """Yields (name, float32 array) of a safetensors file that holds bfloat16 only."""
    with open(file, "rb") as source:
        length = int.from_bytes(source.read(8), "little")
        header = json.loads(source.read(length))
    data = np.memmap(file, dtype=np.uint8, mode="r", offset=8 + length)
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "BF16", f"{name} is {entry['dtype']}"
        start, end = entry["data_offsets"]
        bits = data[start:end].view(np.uint16).astype(np.uint32) << 16
        yield name, bits.view(np.float32).reshape(entry["shape"])


def write_model(writer: GGUFWriter, config: dict, file_type: int) -> None:
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(file_type)


def write_tokenizer(writer: GGUFWriter, directory: Path, config: dict) -> None:
    tokenizer = json.loads((directory / "tokenizer.json").read_text())
    tokens = [text for text, _ in sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])]
    types = [TokenType.NORMAL] * len(tokens)
    for added in tokenizer["added_tokens"]:
        assert added["id"] == len(tokens)
        tokens.append(added["content"])
        types.append(TokenType.CONTROL)
    # Rows of the embedding that no token has.
    while len(tokens) < config["vocab_size"]:
        types.append(TokenType.UNUSED)
        tokens.append(f"[PAD{len(tokens)}]")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(json.loads((directory / "tokenizer_config.json").read_text())["chat_template"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--type", default="Q4_0", choices=["Q4_0", "Q8_0"], help="of every matrix")
    arguments = parser.parse_args()
    matrix_type = GGMLQuantizationType[arguments.type]
    config = json.loads((arguments.checkpoint / "config.json").read_text())
    writer = GGUFWriter(arguments.file, "qwen2")
    write_model(writer, config, file_type={"Q4_0": 2, "Q8_0": 7}[arguments.type])
    write_tokenizer(writer, arguments.checkpoint, config)
    for name, values in tensors(arguments.checkpoint / "model.safetensors"):
        if values.ndim == 1:
            writer.add_tensor(gguf_name(name), values)
        else:
            writer.add_tensor(gguf_name(name), quantize(values, matrix_type), raw_dtype=matrix_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()

"""Write a checkpoint, or the mean of several, as a Hugging Face directory and check it against the library."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from model import Llama, ModelConfig


def library_config(config: ModelConfig, ids: dict[str, int]) -> dict[str, object]:
    """Return the contents of `config.json`."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "hidden_size": config.hidden_size,
        "initializer_range": 0.02,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.max_position_embeddings,
        "mlp_bias": False,
        "num_attention_heads": config.num_attention_heads,
        "num_hidden_layers": config.num_hidden_layers,
        "num_key_value_heads": config.num_key_value_heads,
        "pretraining_tp": 1,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_scaling": None,
        "rope_theta": config.rope_theta,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": config.vocab_size,
    }


def generation_config(ids: dict[str, int]) -> dict[str, object]:
    """Return the contents of `generation_config.json`."""
    return {
        "bos_token_id": ids["<|endoftext|>"],
        "do_sample": True,
        "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]],
        "pad_token_id": ids["<|endoftext|>"],
        "temperature": 0.4,
        "top_p": 0.95,
    }


def special_ids(tokenizer: Path) -> dict[str, int]:
    """Read the ids of the special tokens."""
    added = json.loads(tokenizer.read_text(encoding="utf-8"))["added_tokens"]
    return {token["content"]: token["id"] for token in added}


def largest_difference(model: Llama, folder: Path) -> float:
    """Return the largest difference between own logits and the library's."""
    library = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, model.config.vocab_size, (2, 96), generator=generator)
    positions = torch.arange(96).expand(2, 96)
    with torch.no_grad():
        return (model(ids, positions) - library(ids).logits).abs().max().item()


def mean(states: list[dict]) -> dict[str, torch.Tensor]:
    """Return the mean of the weights, which helps where one run went on from the other's end."""
    models = [state["model"] for state in states]
    return {name: torch.stack([model[name].float() for model in models]).mean(0) for name in models[0]}


def write(checkpoints: list[Path], tokenizer: Path, template: Path, out: Path) -> float:
    """Fill `out` with the exported files; each is moved there when complete."""
    states = [torch.load(path, map_location="cpu", weights_only=True) for path in checkpoints]
    config = ModelConfig(**states[0]["config"])
    weights = {k: v.to(torch.bfloat16).contiguous() for k, v in mean(states).items()}
    ids = special_ids(tokenizer / "tokenizer.json")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as name:
        scratch = Path(name)
        save_file(weights, scratch / "model.safetensors", metadata={"format": "pt"})
        for file, content in (("config.json", library_config(config, ids)),
                              ("generation_config.json", generation_config(ids))):
            (scratch / file).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(tokenizer / file, scratch / file)
        shutil.copyfile(template, scratch / "chat_template.jinja")
        model = Llama(config).eval()
        model.load_state_dict({k: v.float() for k, v in weights.items()})
        difference = largest_difference(model, scratch)
        for file in sorted(scratch.iterdir()):
            os.chmod(file, 0o644)
            os.replace(file, out / file.name)
    for state in states:
        print(f"step {state['step']}, {state['tokens']} tokens, {state['seconds']:.0f} seconds of training")
    print(f"{sum(v.numel() for v in weights.values())} parameters")
    return difference


def main() -> None:
    """Export, and fail when the library computes something else."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, nargs="+", help="several are averaged")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with the tokenizer's files")
    parser.add_argument("--template", type=Path, default=Path("../chat_template.jinja"))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    difference = write(options.checkpoint, options.tokenizer, options.template, options.out)
    print(f"largest difference of the logits: {difference:.2e}")
    if difference > 1e-3:
        raise SystemExit("the library's logits differ")


if __name__ == "__main__":
    main()

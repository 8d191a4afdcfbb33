"""Train the byte-level BPE tokenizer and write its files."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Template
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from batches import chat_template
from text.vocabulary import TESTED

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# A space belongs to a small word behind it, but not to a word with a capital, and a mark belongs to no word: so a name
# has the same tokens after a space, after a quotation mark and inside an identifier, and can be copied token by token.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)| ?\p{Ll}+|\p{Lu}\p{Ll}*|\p{L}|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Words that the test holds out, but for two that every chat has: they are left out here, so that they are written in
# pieces which the training knows well. As tokens of their own it would hardly meet them, and could not copy them.
LEFT_OUT = frozenset(word.lower() for word in TESTED) - {"name", "word"}
WORD = re.compile("[A-Z]?[a-z]+")
MARKS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<tools>", "</tools>",
         "<think>", "</think>"]


def texts(path: Path, template: Path, limit: int) -> Iterator[str]:
    """Yield the texts of the first records, as the chat template writes them, without its marks."""
    chat = chat_template(template)
    marks = re.compile("|".join(map(re.escape, SPECIAL + MARKS)))
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            if number >= limit:
                return
            record = json.loads(line)
            for text in marks.split(_written(record, chat)):
                yield from _without_held_out(text)


def _without_held_out(text: str) -> Iterator[str]:
    """Yield what stands before, between and after the words that are left out."""
    at = 0
    for found in WORD.finditer(text):
        if found[0].lower() in LEFT_OUT:
            yield text[at : found.start()]
            at = found.end()
    yield text[at:]


def _written(record: dict, chat: Template) -> str:
    if "pieces" in record:
        return "".join(text for text, _ in record["pieces"])
    return record.get("prompt", "") + record["text"] if "text" in record else chat.render(record)


def build(path: Path, template: Path, vocabulary: int, limit: int) -> Tokenizer:
    """Train the tokenizer on the text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(MARKS),
        min_frequency=8,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(path, template, limit), trainer)
    tokenizer.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in MARKS])
    return tokenizer


def settings(tokenizer: Tokenizer, context: int) -> dict[str, object]:
    """Return the contents of `tokenizer_config.json`."""
    added = {
        str(tokenizer.token_to_id(token)): {
            "content": token, "lstrip": False, "normalized": False, "rstrip": False,
            "single_word": False, "special": token in SPECIAL,
        }
        for token in SPECIAL + MARKS
    }
    return {
        "added_tokens_decoder": added,
        "add_bos_token": False,
        "add_eos_token": False,
        "bos_token": "<|endoftext|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "clean_up_tokenization_spaces": False,
        "model_max_length": context,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }


def main() -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--template", type=Path, default=Path("../chat_template.jinja"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--vocabulary", type=int, default=3072)
    parser.add_argument("--limit", type=int, default=100_000)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = build(options.data, options.template, options.vocabulary, options.limit)
    tokenizer.save(str(options.out / "tokenizer.json"))
    config = json.dumps(settings(tokenizer, 2048), indent=2, ensure_ascii=False)
    (options.out / "tokenizer_config.json").write_text(config + "\n", encoding="utf-8")
    print(f"{tokenizer.get_vocab_size()} tokens")


if __name__ == "__main__":
    main()

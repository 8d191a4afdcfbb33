"""Score a model directory at temperature 0 on the held-out cases, without the server.

Quick to run beside the training; the table of the model card is made by
`npm run eval:model`, which asks the same cases over HTTP.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from batches import chat_template
from held_out import Case, cases

BATCH = 64
CALL_START, CALL_END, THOUGHT_END = "<tool_call>", "</tool_call>", "</think>"


class Model:
    """The exported model, asked at temperature 0."""

    def __init__(self, folder: Path) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.template = chat_template(folder / "chat_template.jinja")
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval().to(device)
        self.end = self.tokenizer.token_to_id("<|im_end|>")

    def _prompt(self, case: Case) -> list[int]:
        variables = case.get("variables") or {}
        text = self.template.render(messages=case["messages"], tools=case.get("tools"),
                                    add_generation_prompt=True, **variables)
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def answers(self, prompts: list[list[int]], limit: int) -> list[tuple[str, float]]:
        """Return each answer with the smallest gap between its best two logits."""
        size = max(map(len, prompts))
        ids = torch.zeros((len(prompts), size), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, size - len(prompt) :] = torch.tensor(prompt)
            mask[row, size - len(prompt) :] = 1
        with torch.no_grad():
            out = self.model.generate(
                ids.to(self.model.device), attention_mask=mask.to(self.model.device), max_new_tokens=limit,
                do_sample=False, temperature=None, top_p=None, output_logits=True, return_dict_in_generate=True)
        best = torch.stack(out.logits, dim=1).topk(2, dim=-1).values
        gaps = (best[..., 0] - best[..., 1]).cpu()
        found = []
        for row, gap in zip(out.sequences[:, size:].cpu(), gaps):
            ends = (row == self.end).nonzero()
            length = int(ends[0]) if len(ends) else len(row)
            found.append((self.tokenizer.decode(row[:length].tolist()), float(gap[: length + 1].min())))
        return found

    def ask(self, asked: list[Case]) -> list[tuple[str, float]]:
        """Ask in batches of prompts of about one length."""
        prompts = [self._prompt(case) for case in asked]
        order = sorted(range(len(asked)), key=lambda i: (asked[i].get("max_tokens", 60), len(prompts[i])))
        found: list[tuple[str, float]] = [("", 0.0)] * len(asked)
        for at in range(0, len(order), BATCH):
            part = order[at : at + BATCH]
            limit = max(int(asked[i].get("max_tokens", 60)) for i in part)
            for index, answer in zip(part, self.answers([prompts[i] for i in part], limit)):
                found[index] = answer
        return found


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def called(text: str) -> list[object]:
    """Return the tool calls of an answer."""
    return [_json(part.split(CALL_END)[0]) for part in text.split(CALL_START)[1:]]


def right(case: Case, text: str) -> bool:
    """Say whether an answer passes the check of its case."""
    check: dict = case["check"]  # type: ignore[assignment]
    text = text.split(THOUGHT_END)[-1].strip()
    if "equals" in check:
        return text in check["equals"]
    if "story" in check:
        hero, name = check["story"]
        sentences = Counter(re.split(r"(?<=[.!?])\s+", text))
        goes_on = max(sentences.values()) < STORY_SENTENCE_USES
        return f" {hero} called {name}" in text and text.count(name) >= 3 and goes_on
    return called(text) == check["calls"] if "calls" in check else _json(text) == check["json"]


def run_sets(model: Model, every: int, failures: int) -> None:
    """Print the table of scores, then examples of failures."""
    asked = cases()[::every]
    answers = [text for text, _ in model.ask(asked)]
    count, good, shown = Counter(), Counter(), Counter()
    examples = []
    for case, text in zip(asked, answers):
        name = str(case["set"])
        count[name] += 1
        if right(case, text):
            good[name] += 1
        elif shown[name] < failures:
            shown[name] += 1
            question = case["messages"][-1]["content"][-200:]  # type: ignore[index]
            examples.append(f"[{name}] {question!r} -> {text!r}, wanted {json.dumps(case['check'])[:200]}")
    for name in count:
        print(f"{good[name]:4d} / {count[name]:4d}  {100 * good[name] / count[name]:5.1f} %  {name}")
    print(f"{sum(good.values())} of {sum(count.values())}\n" + "\n".join(examples))


def run_examples(model: Model, path: Path) -> None:
    """Ask the questions of a file; print answers with their margins, and write them back."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    for entry in entries:
        text, margin = model.ask([{**entry, "max_tokens": 250}])[0]
        print(f"{margin:6.2f}  {entry['messages'][-1]['content']!r} -> {text!r}")
        for field in ("answer", "calls", "min_margin"):
            entry.pop(field, None)
        entry["answer"] = text.split(THOUGHT_END)[-1].split(CALL_START)[0].strip()
        if calls := called(text):
            entry["calls"] = calls
        entry["min_margin"] = round(margin, 2)
    path.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Score the model, or ask it the example questions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="ask every n-th case only")
    parser.add_argument("--failures", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--examples", type=Path, help="a file of questions to ask instead of the test sets")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = Model(options.model)
    if options.examples:
        run_examples(model, options.examples)
    else:
        run_sets(model, options.every, options.failures)


if __name__ == "__main__":
    main()

"""Score an exported model at temperature 0 on what the training left out."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from text import transforms
from text.base import Exchange, a
from text.facts import test_facts
from text.mix import not_told_case, recall_test
from text.names import invented
from text.numbers import addition, held_out_phrasing, subtraction
from text.smalltalk import test_group
from text.stories import ASKS, HEROES
from text.unknowns import ANSWERS, unknown

Messages = list[dict[str, str]]
BATCH = 64


@dataclass(frozen=True)
class Case:
    """A conversation up to the question, and the test of its answer."""

    messages: Messages
    wanted: str
    right: Callable[[str], bool]


class Model:
    """The exported model, asked at temperature 0."""

    def __init__(self, folder: Path) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval().to(device)

    def answers(self, conversations: list[Messages], limit: int) -> list[tuple[str, float]]:
        """Return each answer with the smallest gap between its best two logits."""
        prompts = [self.tokenizer.apply_chat_template(m, tokenize=False, add_generation_prompt=True)
                   for m in conversations]
        inputs = self.tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        inputs.pop("token_type_ids", None)
        with torch.no_grad():
            out = self.model.generate(
                **inputs.to(self.model.device), max_new_tokens=limit, do_sample=False, temperature=None,
                top_p=None, output_logits=True, return_dict_in_generate=True)
        start = inputs["input_ids"].shape[1]
        best = torch.stack(out.logits, dim=1).topk(2, dim=-1).values
        gaps = (best[..., 0] - best[..., 1]).cpu()
        end = self.tokenizer.convert_tokens_to_ids("<|im_end|>")
        found = []
        for row, gap in zip(out.sequences[:, start:].cpu(), gaps):
            ends = (row == end).nonzero()
            size = int(ends[0]) if len(ends) else len(row)
            text = self.tokenizer.decode(row[:size], skip_special_tokens=True)
            found.append((text, float(gap[: size + 1].min())))
        return found

    def ask(self, conversations: list[Messages], limit: int = 40) -> list[tuple[str, float]]:
        """Ask in batches of conversations of about one length."""
        order = sorted(range(len(conversations)), key=lambda i: len(str(conversations[i])))
        found: list[tuple[str, float]] = [("", 0.0)] * len(conversations)
        for at in range(0, len(order), BATCH):
            part = order[at : at + BATCH]
            for index, answer in zip(part, self.answers([conversations[i] for i in part], limit)):
                found[index] = answer
        return found


def _case(exchange: Exchange, before: Messages | None = None) -> Case:
    messages = [*(before or []), {"role": "user", "content": exchange.user}]
    return Case(messages, exchange.answer, exchange.accepts)


def _some(exchanges: list[Exchange], count: int, rng: random.Random) -> list[Case]:
    return [_case(e) for e in (rng.sample(exchanges, count) if len(exchanges) > count else exchanges)]


def _keeps(hero: str, name: str) -> Callable[[str], bool]:
    """Return the test of a story: it introduces the hero and keeps the name."""
    return lambda text: f" {hero} called {name}" in text and text.count(name) >= 3


def _story_cases(rng: random.Random, count: int) -> list[Case]:
    """Return requests for stories about a hero with a held-out name."""
    cases = []
    for _ in range(count):
        hero, name = rng.choice(HEROES), invented(rng, "test")
        subject = f"{a(hero)} called {name}"
        ask = {"role": "user", "content": ASKS[-1].format(s=subject)}
        cases.append(Case([ask], f"a story about {subject}", _keeps(hero, name)))
    return cases


def _declined(rng: random.Random, held_phrasing: bool) -> list[Case]:
    """Return questions outside the model's world; any declining answer is right."""
    found = [unknown(rng, "test", held_phrasing) for _ in range(150)]
    return [Case(_case(e).messages, e.answer, lambda text: text.strip() in ANSWERS) for e in found]


def _recall(rng: random.Random) -> list[Case]:
    """Return conversations that end with a question about their own contents."""
    found = [recall_test(rng) for _ in range(300)]
    return [_case(exchange, before) for before, exchange in found]


def sets(seed: int) -> dict[str, list[Case]]:
    """Return the test sets."""
    rng = random.Random(seed)
    not_told = [not_told_case(rng) for _ in range(100)]
    found = {
        "identity, held-out phrasings": _some(test_group("identity"), 200, rng),
        "small talk, held-out phrasings": _some(test_group("small talk"), 200, rng),
        "the server, held-out phrasings": _some(test_group("server"), 200, rng),
        "sums, held-out pairs": [_case(addition(rng, "test")) for _ in range(400)],
        "sums, held-out pairs and phrasings": [_case(held_out_phrasing(rng)) for _ in range(200)],
        "differences, held-out pairs": [_case(subtraction(rng, "test")) for _ in range(200)],
        "facts, held-out phrasings": _some(test_facts(), 400, rng),
        "recall, held-out values": _recall(rng),
        "says what was not told": [_case(e, before) for before, e in not_told],
        "declined unknowns, held-out values": _declined(rng, False),
        "declined unknowns, held-out phrasings": _declined(rng, True),
        "stories keep hero and name": _story_cases(rng, 50),
    }
    for name in ("repeat", "reverse", "count_words", "pick_item"):
        make = getattr(transforms, name)
        found[f"{name.replace('_', ' ')}, new lists"] = [_case(make(rng, "test")) for _ in range(100)]
    return found


def score(model: Model, cases: list[Case], limit: int) -> tuple[int, list[tuple[Case, str]]]:
    """Return how many answers are right, and the wrong ones."""
    answers = model.ask([case.messages for case in cases], limit)
    wrong = [(case, text) for case, (text, _) in zip(cases, answers) if not case.right(text)]
    return len(cases) - len(wrong), wrong


def run_sets(model: Model, seed: int, failures: int) -> None:
    """Print the table of scores, then examples of failures."""
    shown: list[str] = []
    print("| Set | Right | Asked | Share |\n| --- | ---: | ---: | ---: |")
    for name, cases in sets(seed).items():
        right, wrong = score(model, cases, 200 if name.startswith("stories") else 40)
        print(f"| {name} | {right} | {len(cases)} | {100 * right / len(cases):.1f} % |", flush=True)
        for case, text in wrong[:failures]:
            shown.append(f"[{name}] {case.messages[-1]['content']!r} -> {text!r}, wanted {case.wanted!r}")
    print("\n" + "\n".join(shown))


def run_examples(model: Model, path: Path) -> None:
    """Ask the questions of a file; print answers with their margins, and write them back."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    for entry in entries:
        text, margin = model.ask([entry["messages"]])[0]
        changed = "" if entry.get("answer") in (None, "", text) else f"  (was {entry['answer']!r})"
        print(f"{margin:6.2f}  {entry['messages'][-1]['content']!r} -> {text!r}{changed}")
        entry["answer"], entry["min_margin"] = text, round(margin, 2)
    path.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Score the model, or ask it the example questions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=4242)
    parser.add_argument("--failures", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--examples", type=Path, help="a file of questions to ask instead of the test sets")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = Model(options.model)
    if options.examples:
        run_examples(model, options.examples)
    else:
        run_sets(model, options.seed, options.failures)


if __name__ == "__main__":
    main()

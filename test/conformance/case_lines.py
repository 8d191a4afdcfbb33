"""
What the judges in Python share: a line of JSON for each case, which `readCaseLines` reads, and what the model in the box is
tested to say.
"""

import asyncio
import inspect
import json
import os
from pathlib import Path

MODEL = os.environ["CONFORMANCE_MODEL"]


def example(*roles):
    """Messages and answer of the surest of the examples whose messages have these roles."""
    examples = json.loads((Path(__file__).parents[2] / "models" / MODEL / "examples.json").read_text())
    fitting = [one for one in examples if [message["role"] for message in one["messages"]] == list(roles)]
    best = max(fitting, key=lambda one: one["min_margin"])
    return best["messages"], best["answer"]


def tell(cases):
    """Run each of the pairs of a name and a function, or a function that has to be awaited, and print its verdict."""
    for name, body in cases:
        line = {"case": name, "passed": True}
        try:
            outcome = body()
            if inspect.iscoroutine(outcome):
                asyncio.run(outcome)
        except Exception as error:  # every kind is a verdict
            line = {"case": name, "passed": False, "message": f"{type(error).__name__}: {error}"[:400]}
        print(json.dumps(line), flush=True)
    print(json.dumps({"cases": len(cases)}))

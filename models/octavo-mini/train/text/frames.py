"""Frames that turn a noun phrase or a clause into questions.

Every relation and intent can be asked through them, so a phrasing is put
together from two parts. The hold-out rule counts through the joined list, so
the last frames of each half dozen are met only in the test.
"""

from __future__ import annotations

from .base import capital, lines

NOUN_FRAMES = lines("""
    What is {p}?
    Tell me {p}.
    What's {p}?
    Do you know {p}?
    I want to know {p}.
    Can you tell me {p}?
    Could you tell me {p}?
    Please give me {p}.
    I need {p}.
    Give me {p}.
    Would you tell me {p}?
    Please tell me {p}.
    {P}?
    {P}, please.
    Let me know {p}.
    What is {p} again?
    Name {p}.
    I would like to know {p}.
""")
CLAUSE_FRAMES = lines("""
    Tell me {p}.
    Do you know {p}?
    Can you tell me {p}?
    I want to know {p}.
    Could you tell me {p}?
    Please tell me {p}.
    I would like to know {p}.
    Do you happen to know {p}?
    I wonder {p}.
    Say {p}.
    Will you tell me {p}?
    Let me know {p}.
    Explain {p}.
    My question is {p}.
    Would you tell me {p}?
    Any idea {p}?
    I need to know {p}.
    Please say {p}.
""")


def framed(frames: list[str], phrase: str) -> list[str]:
    """Return the questions that the frames make of a phrase."""
    return [frame.replace("{p}", phrase).replace("{P}", capital(phrase)) for frame in frames]


def unique(asks: list[str]) -> list[str]:
    """Return the questions without repetitions, letter case and last point aside."""
    seen: dict[str, str] = {}
    for ask in asks:
        seen.setdefault(ask.lower().rstrip(".?! "), ask)
    return list(seen.values())


def expand(asks: list[str]) -> list[str]:
    """Return the questions of a table: `*` marks a noun phrase, `&` a clause, the rest stand as they are."""
    plain = [ask for ask in asks if ask[0] not in "*&"]
    for ask in asks:
        if ask[0] == "*":
            plain += framed(NOUN_FRAMES, ask[1:].strip())
        elif ask[0] == "&":
            plain += framed(CLAUSE_FRAMES, ask[1:].strip())
    return unique(plain)

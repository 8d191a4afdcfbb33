"""LangChain for Python (langchain-openai) against the server under test. Only shapes are looked at."""

import asyncio
from typing import Literal

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI
from pydantic import BaseModel
from case_lines import MODEL, tell

chat = ChatOpenAI(model=MODEL, max_tokens=24, max_retries=0, timeout=60)
free = ChatOpenAI(model=MODEL, max_retries=0, timeout=60)
QUESTION = [SystemMessage("Be short."), HumanMessage("What is 12 + 30?")]
CASES = []


class Mood(BaseModel):
    mood: Literal["glad", "sad"]
    sure: bool


@tool
def get_weather(city: Literal["Oslo", "Rome"]) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def case(name):
    def add(body):
        CASES.append((name, body))
        return body

    return add


@case("invoke: text and usage")
def invoke():
    message = chat.invoke(QUESTION)
    assert isinstance(message.content, str) and message.usage_metadata["total_tokens"] > 0
    assert message.response_metadata["finish_reason"] in ("stop", "length")


@case("stream: chunks add up, with usage")
def stream():
    total = None
    for chunk in chat.stream(QUESTION, stream_usage=True):
        total = chunk if total is None else total + chunk
    assert total.content and total.usage_metadata["total_tokens"] > 0


@case("batch: several at once, and async")
def batch():
    assert len(chat.batch([QUESTION] * 6)) == 6
    assert len(asyncio.run(chat.abatch([QUESTION] * 6))) == 6


@case("chain: prompt, model, parser, streamed")
def chain():
    steps = ChatPromptTemplate.from_messages([("user", "{x}?")]) | chat | StrOutputParser()
    assert isinstance("".join(steps.stream({"x": "12 + 30"})), str)


@case("logprobs: bound to the model")
def logprobs():
    message = chat.bind(logprobs=True, top_logprobs=2).invoke(QUESTION)
    assert message.response_metadata["logprobs"]["content"]


@case("completions: invoked and streamed")
def completions():
    model = OpenAI(model=MODEL, max_tokens=8, max_retries=0, timeout=60)
    assert isinstance(model.invoke("Once upon"), str)
    assert isinstance("".join(model.stream("Once upon")), str)


@case("structured: with_structured_output by json_schema")
def by_schema():
    assert isinstance(free.with_structured_output(Mood, method="json_schema").invoke(QUESTION), Mood)


@case("structured: with_structured_output by function calling")
def by_function():
    assert isinstance(free.with_structured_output(Mood, method="function_calling").invoke(QUESTION), Mood)


@case("tools: bind_tools with a forced call, and its result in the history")
def tools():
    model = free.bind_tools([get_weather], tool_choice="any")
    answer = model.invoke(QUESTION)
    assert answer.tool_calls and answer.tool_calls[0]["args"]["city"] in ("Oslo", "Rome")
    results = [ToolMessage(get_weather.invoke(call).content, tool_call_id=call["id"]) for call in answer.tool_calls]
    assert isinstance(chat.bind_tools([get_weather]).invoke([*QUESTION, answer, *results]), AIMessage)


@case("tools: forced calls streamed")
def tools_streamed():
    total = None
    for chunk in free.bind_tools([get_weather], tool_choice="get_weather").stream(QUESTION):
        total = chunk if total is None else total + chunk
    assert total.tool_calls[0]["name"] == "get_weather"


@case("tools: an agent runs to its end")
def agent():
    result = create_agent(chat, [get_weather]).invoke({"messages": QUESTION}, {"recursion_limit": 20})
    assert isinstance(result["messages"][-1], AIMessage)


tell(CASES)

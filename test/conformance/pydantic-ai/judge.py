"""
Pydantic AI against the server under test, by chat and by responses. What is compared word for word is what the model in the
box is tested to say (`examples.json` beside it); of the rest only shapes are looked at, and grammar makes them.
"""

import os
from typing import Literal

from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, Tool, ToolOutput
from pydantic_ai import exceptions as kinds
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import (
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from case_lines import MODEL, example, tell

GREEDY = {"temperature": 0}
QUESTION = "What is the weather in Rome?"
CASES = []


def provider(**options):
    return OpenAIProvider(openai_client=AsyncOpenAI(max_retries=0, timeout=60, **options))


def model_of(kind):
    return kind(MODEL, provider=provider())


class Mood(BaseModel):
    mood: Literal["glad", "sad"]
    sure: bool


def get_weather(city: Literal["Oslo", "Rome"]) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


class FirstACall(AbstractCapability):
    """A call in the first step and none in the second, so that the loop goes round once whatever the model would do."""

    def get_model_settings(self):
        return lambda context: {"tool_choice": "required" if context.run_step == 1 else "none"}


def case(name):
    def add(body):
        CASES.append((f"chat: {name}", lambda: body(model_of(OpenAIChatModel))))
        CASES.append((f"responses: {name}", lambda: body(model_of(OpenAIResponsesModel))))
        return body

    return add


def assert_used(usage, requests):
    assert usage.requests == requests, usage
    assert usage.input_tokens > 0 and usage.output_tokens > 0, usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens, usage


@case("run: instructions reach the model, with usage and finish reason")
async def whole(model):
    (system, question), answer = example("system", "user")
    result = await Agent(model, instructions=system["content"], model_settings=GREEDY).run(question["content"])
    assert result.output == answer, result.output
    assert result.response.finish_reason == "stop" and result.response.model_name == MODEL
    assert_used(result.usage, 1)


@case("run_stream: the deltas add up to the answer, with usage")
async def streamed(model):
    (system, question), answer = example("system", "user")
    agent = Agent(model, system_prompt=system["content"], model_settings=GREEDY)
    async with agent.run_stream(question["content"]) as result:
        deltas = [delta async for delta in result.stream_text(delta=True, debounce_by=None)]
    assert len(deltas) > 1 and "".join(deltas) == answer, deltas
    assert result.response.finish_reason == "stop"
    assert_used(result.usage, 1)


@case("run: the message history is read")
async def history(model):
    (*earlier, question), answer = example("user", "assistant", "user", "assistant", "user")
    messages = [
        ModelRequest([UserPromptPart(message["content"])])
        if message["role"] == "user"
        else ModelResponse([TextPart(message["content"])])
        for message in earlier
    ]
    result = await Agent(model, model_settings=GREEDY).run(question["content"], message_history=messages)
    assert result.output == answer, result.output


@case("run: an answer that is cut off says so")
async def cut_off(model):
    messages = [ModelRequest([SystemPromptPart("Be short."), UserPromptPart("Write a Python program.")])]
    response = await model_request(model, messages, model_settings={**GREEDY, "max_tokens": 2})
    assert response.finish_reason == "length" and response.usage.output_tokens == 2, response


def loop_agent(model):
    settings = {**GREEDY, "parallel_tool_calls": False}
    return Agent(model, tools=[Tool(get_weather, strict=True)], capabilities=[FirstACall()], model_settings=settings)


def assert_looped(messages):
    parts = [part for message in messages for part in message.parts]
    (call,) = [part for part in parts if isinstance(part, ToolCallPart)]
    (returned,) = [part for part in parts if isinstance(part, ToolReturnPart)]
    assert call.tool_name == "get_weather" and returned.tool_call_id == call.tool_call_id
    assert returned.content == f"sunny in {call.args_as_dict()['city']}"


@case("tools: a loop of a forced call, its result and a text")
async def tools(model):
    result = await loop_agent(model).run(QUESTION)
    assert isinstance(result.output, str) and result.output
    assert_looped(result.all_messages())
    assert_used(result.usage, 2)
    assert result.usage.tool_calls == 1


@case("tools: the loop streamed, as events")
async def tools_streamed(model):
    events = []
    async with loop_agent(model).run_stream_events(QUESTION) as stream:
        async for event in stream:
            events.append(event)
    assert [type(event) for event in events].count(FunctionToolCallEvent) == 1
    assert [type(event) for event in events].count(FunctionToolResultEvent) == 1
    result = events[-1].result
    assert_looped(result.all_messages())
    assert_used(result.usage, 2)


async def assert_moods(agent):
    result = await agent.run("How are you?")
    assert isinstance(result.output, Mood)
    assert_used(result.usage, 1)
    async with agent.run_stream("How are you?") as streamed:
        outputs = [output async for output in streamed.stream_output(debounce_by=None)]
    assert isinstance(outputs[-1], Mood), outputs
    assert_used(streamed.usage, 1)


@case("typed: ToolOutput, whole and streamed")
async def by_tool(model):
    await assert_moods(Agent(model, output_type=ToolOutput(Mood), retries=0, model_settings=GREEDY))


@case("typed: ToolOutput of two types")
async def by_one_of_two_tools(model):
    agent = Agent(model, output_type=[ToolOutput(Mood), ToolOutput(bool, name="yes_or_no")], retries=0)
    assert isinstance((await agent.run("Are you glad?")).output, Mood | bool)


@case("typed: NativeOutput, whole and streamed")
async def by_schema(model):
    await assert_moods(Agent(model, output_type=NativeOutput(Mood, strict=True), retries=0, model_settings=GREEDY))


@case("direct: a forced call, whole and streamed")
async def direct(model):
    tool = Tool(get_weather).tool_def
    parameters = ModelRequestParameters(function_tools=[tool], allow_text_output=False)
    messages = [ModelRequest.user_text_prompt(QUESTION)]
    response = await model_request(model, messages, model_request_parameters=parameters)
    assert response.tool_calls and response.finish_reason == ("tool_call" if isinstance(model, OpenAIChatModel) else "stop")
    async with model_request_stream(model, messages, model_request_parameters=parameters) as stream:
        events = [event async for event in stream]
    assert events and stream.get().tool_calls
    assert all(call.args_as_dict()["city"] in ("Oslo", "Rome") for call in [*response.tool_calls, *stream.get().tool_calls])


@case("errors: each status has its class")
async def errors(model):
    of = type(model)
    for wanted, other, question, settings in (
        (kinds.ModelRequestRejectedError, model, "Hello!", {"temperature": 9}),
        (kinds.ModelNotFoundError, of("gpt-4o", provider=model._provider), "Hello!", {}),
        (kinds.ModelAuthenticationError, of(MODEL, provider=provider(api_key="wrong")), "Hello!", {}),
        (kinds.ModelContextWindowExceededError, model, "word " * 5000, {}),
    ):
        for streams in (False, True):
            try:
                agent = Agent(other, model_settings=settings)
                if streams:
                    async with agent.run_stream(question):
                        pass
                else:
                    await agent.run(question)
            except wanted as error:
                assert isinstance(error, kinds.ModelHTTPError) and error.body["message"], error
                assert type(error).__name__ == wanted.__name__, type(error).__name__
            else:
                raise AssertionError(f"no {wanted.__name__}")


@case("errors: 429 is a ModelRateLimitError that says when to try again")
async def rate_limit(model):
    client = AsyncOpenAI(max_retries=0, timeout=60, base_url=os.environ["CONFORMANCE_NARROW_URL"])
    narrow = type(model)(MODEL, provider=OpenAIProvider(openai_client=client))
    request = {"model": MODEL, "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 1900, "stream": True}
    # Retried, since the server may not have noticed yet that an earlier holder has gone.
    patient = client.with_options(max_retries=8)
    holder = await patient.chat.completions.create(**request, extra_body={"ignore_eos": True})
    try:
        await Agent(narrow).run("Hello!")
    except kinds.ModelRateLimitError as error:
        assert error.status_code == 429 and error.retry_after >= 1, error
    else:
        raise AssertionError("no ModelRateLimitError")
    finally:
        await holder.close()


@case("run: log probabilities")
async def logprobs(model):
    settings = {"openai_logprobs": True, "openai_top_logprobs": 2, "max_tokens": 4}
    response = (await Agent(model, model_settings=settings).run("Hello!")).response
    # By chat they are of the whole answer, by responses of each text in it.
    details = response.provider_details if isinstance(model, OpenAIChatModel) else response.parts[0].provider_details
    assert len(details["logprobs"][0]["top_logprobs"]) == 2, details


async def stored(model):
    agent = Agent(model, model_settings={**GREEDY, "openai_store": True, "openai_previous_response_id": "auto"})
    first = await agent.run("My name is Ada.")
    second = await agent.run("What is my name?", message_history=first.all_messages())
    kept = await model.client.responses.retrieve(second.response.provider_response_id)
    assert kept.previous_response_id == first.response.provider_response_id and kept.output_text == second.output
    assert second.usage.input_tokens > first.usage.input_tokens + first.usage.output_tokens


CASES.append(("responses: run: one that goes on from a stored one", lambda: stored(model_of(OpenAIResponsesModel))))


tell(CASES)

"""LlamaIndex's OpenAILike: chat, stream_chat, tools, a structured LLM. `cascade` is in the raw response."""

from common import ANN, LIMITS, MODEL, QUESTIONS, REFUSED, URL, WEATHER, Person, failure, tell
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike


def weather(city: str) -> str:
    """The weather in a city."""
    return city


def model(name=MODEL, **more):
    kind = {"is_chat_model": True, "is_function_calling_model": True, "max_retries": 0}
    return OpenAILike(model=name, api_base=URL, api_key="none", **kind, **LIMITS, **more)


def chat(llm, text):
    return llm.chat([ChatMessage(role="user", content=text)])


def streamed(text):
    return "".join(piece.delta or "" for piece in llm.stream_chat([ChatMessage(role="user", content=text)]))


llm = model()
whole = [chat(llm, text) for text in QUESTIONS]
tools = [FunctionTool.from_defaults(weather)]
call = llm.get_tool_calls_from_response(llm.chat_with_tools(tools, user_msg=WEATHER, tool_required=True))[0]
tell(
    whole=[one.message.content for one in whole],
    streamed=[streamed(text) for text in QUESTIONS],
    call=[call.tool_name, call.tool_kwargs],
    person=llm.as_structured_llm(Person).complete(ANN).raw.model_dump(),
    unknown_model=failure(lambda: chat(model("nobody"), "?")),
    refused=failure(lambda: chat(model(additional_kwargs=REFUSED), "?")),
    tiers=[one.raw.cascade["tier"] for one in whole],
)

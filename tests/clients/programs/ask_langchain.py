"""LangChain's ChatOpenAI: invoke, stream, tools, structured output. Headers come, `cascade` does not."""

from common import ANN, LIMITS, MODEL, QUESTIONS, REFUSED, TOOL, URL, WEATHER, Person, failure, tell
from langchain_openai import ChatOpenAI


def model(name=MODEL, **more):
    settings = {"api_key": "none", "max_retries": 0, "include_response_headers": True}
    return ChatOpenAI(model=name, base_url=URL, **LIMITS, **settings, **more)


chat = model()
whole = [chat.invoke(text) for text in QUESTIONS]
call = chat.bind_tools([TOOL], tool_choice="required").invoke(WEATHER).tool_calls[0]
tell(
    whole=[one.content for one in whole],
    streamed=["".join(piece.content for piece in chat.stream(text)) for text in QUESTIONS],
    call=[call["name"], call["args"]],
    person=chat.with_structured_output(Person).invoke(ANN).model_dump(),
    unknown_model=failure(lambda: model("nobody").invoke("?")),
    refused=failure(lambda: model(**REFUSED).invoke("?")),
    tiers=[one.response_metadata["headers"]["x-cascade-tier"] for one in whole],
)

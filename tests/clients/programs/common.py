"""What every Python client is asked to do, and what it tells of it."""

import json
import os
import sys

from pydantic import BaseModel

URL, MODEL = os.environ["GATEWAY"], os.environ["MODEL"]
QUESTIONS = ("What is the capital of France?", "A hard one: what is the capital of Japan?")
LIMITS = {"max_tokens": 100, "temperature": 0}
WEATHER, ANN = "What is the weather in Oslo?", "Ann is 30 years old. Who is she?"
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
REFUSED = {"verbosity": "low"}  # the gateway takes no such parameter


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


def user(text):
    return [{"role": "user", "content": text}]


def failure(ask):
    """What the client raises: the exception's name, the status that it came from, the sentence."""
    try:
        ask()
    except Exception as error:
        status = getattr(error, "status_code", None) or error.__cause__.status_code
        return {"raised": type(error).__name__, "status": status, "sentence": str(error)}
    return None


def tell(**found):
    sys.stdout.write(json.dumps(found))

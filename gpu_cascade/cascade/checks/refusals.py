"""Answers that begin by saying that there will be none."""

import re

BEGINNING = 160  # characters that are looked at

_SORRY = (
    r"(?:(?:i'm|i am) (?:\w+ )?sorry|sorry|i apologi[sz]e|my apologies|unfortunately|regrettably)"
    r"(?: for [^.,]{0,40})?\W+(?:but )?"
)
_UNABLE = (
    r"i (?:cannot|can not|can't|could not|couldn't|must decline|have to decline|am (?:unable|not able)"
    r"|(?:do not|don't) have (?:access|enough)"
    r"|(?:won't|will not) (?:help|assist|answer|provide|write|create|generate|comply|engage))"
    r"|i'm (?:unable|not able)|as an? (?:ai|artificial intelligence|(?:large )?language model)"
)
# "We cannot refund a flight" is an answer, "I cannot" is not: only the model's own voice counts.
_BY_LANGUAGE = (
    rf"(?:{_SORRY})?(?:{_UNABLE})",
    r"(?:es tut mir leid|tut mir leid|leider)?\W*(?:aber )?(?:ich kann|kann ich) (?:\w+ ){0,3}nicht",
    r"als (?:ki|künstliche intelligenz|sprachmodell)",
    r"(?:je suis )?(?:désolée?\W+)?(?:mais )?je ne (?:peux pas|suis pas en mesure)",
    r"en tant qu(?:'|e )(?:ia|intelligence artificielle|modèle de langage)",
    r"(?:lo siento\W+)?(?:pero )?no puedo",
    r"como (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje)",
    r"(?:mi dispiace\W+)?(?:ma )?non posso",
    r"in quanto (?:ia|intelligenza artificiale|modello linguistico)",
    r"(?:desculpe|sinto muito)?\W*(?:mas )?(?:eu )?não (?:posso|consigo)",
    r"(?:извините|к сожалению)?\W*(?:но )?я не (?:могу|имею)",
)
_WITHOUT_SPACES = (
    r"(?:很|非常)?(?:抱歉|对不起)?[,，]?\s*(?:但)?我(?:不能|无法)",
    r"作为(?:一个|一名)?(?:ai|人工智能|语言模型)",
    r"申し訳(?:ありません|ございません)",
    r"죄송",
)
_REFUSAL = re.compile(rf"(?:(?:{'|'.join(_BY_LANGUAGE)})\b|{'|'.join(_WITHOUT_SPACES)})")
_MARKUP = " \t\r\n\"'*_#>“”„«»¡¿-"


def refuses(text: str) -> bool:
    """Whether the text opens with a refusal in one of ten languages. What follows is not looked at."""
    start = text[: BEGINNING * 4].lstrip(_MARKUP)[:BEGINNING]
    return _REFUSAL.match(start.lower().replace("’", "'")) is not None

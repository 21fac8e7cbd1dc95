"""The words of a question that say what it is about."""

import re
import unicodedata

# Function words: articles, pronouns, prepositions, conjunctions, auxiliaries, and what asks. Not "may" (a
# month), and no prepositions that rules turn on: before, after, without, until, during.
_ENGLISH = """
    a an the this that these those
    i me my mine myself you your yours we us our ours he him his she her hers it its they them their theirs
    who whom whose which what when where why how
    of to in on at by for with from as into about and or but if so than then because while
    am is are was were be been being do does did doing have has had having can ca could will wo would
    shall sha should must might not no there here any some just also
"""
_GERMAN = """
    der die das den dem des ein eine einen einem einer eines dieser diese dieses
    ich mich mir mein meine meinen meiner du dich dir dein deine er ihn ihm sein seine sie ihr ihre ihren es
    wir uns unser unsere man sich wer wen wem wessen was welche welcher welches wann wo warum wie viel viele
    von zu zum zur in im an am auf bei beim mit aus für um und oder aber wenn dass ob als denn weil
    bin ist sind war waren gewesen wird werden wurde worden habe hat haben hatte kann können könnte
    soll sollen sollte muss müssen darf dürfen nicht kein keine da auch nur noch
"""
_LANGUAGES = tuple(frozenset(words.split()) for words in (_ENGLISH, _GERMAN))
# A letter has its accents with it, where it is typed as two characters and no single one stands for both.
_WORD = re.compile(
    r"((?:[^\W\d_][\u0300-\u036f]*)+?)(?:n['’]t|['’](?:s|m|re|ve|ll|d))?(?![^\W\d_]|[\u0300-\u036f])",
    re.IGNORECASE,
)


def content(question: str) -> str:
    """The question without function words, English or German, whichever it has more of.

    Documents do not ask: "what" and "my" are so rare in them that BM25 takes them for what matters most. In
    capitals a word is a name (IT, US). A question of function words alone stays as it is.
    """
    question = unicodedata.normalize("NFC", question)
    said = [word[1].lower() for word in _WORD.finditer(question)]
    empty = max(_LANGUAGES, key=lambda words: sum(word in words for word in said))

    def kept(word: re.Match[str]) -> str:
        named = len(word[1]) > 1 and word[1].isupper()
        return " " if word[1].lower() in empty and not named else word[0]

    left = _WORD.sub(kept, question)
    return left if re.search(r"[^\W_]", left) else question

"""Template tags in Markdown (Jekyll, Eleventy, Liquid): `{% page "/leave" %}` and `{{ site.name }}`."""

import re

# The bound keeps an unclosed tag from being looked for to the end of the file, once per tag.
_TAG = re.compile(
    r"(?P<comment>\{%-?\s*comment\s*-?%\}).*?\{%-?\s*endcomment\s*-?%\}"
    r"|\{%-?\s*raw\s*-?%\}(?P<raw>.*?)\{%-?\s*endraw\s*-?%\}"
    r"|\{%-?\s*(?P<name>[\w-]+)(?P<rest>.{0,2000}?)-?%\}"
    r"|\{\{(?P<value>.{0,2000}?)\}\}",
    re.DOTALL,
)
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_ATTRIBUTES = re.compile(r"^[ \t]*\{:[^}\n]*\}[ \t]*$|[ \t]*\{[#.:][^}\n]*\}[ \t]*$", re.MULTILINE)


def readable(text: str) -> str:
    """The text as its page shows it, as far as that can be told without the site.

    What stands between tags stays; comments go; a channel is shown as "#name", an alert by its title, a named
    datum by its name. `{#anchor}` and `{: .class}` go.
    """
    if "{" not in text:
        return text
    return _ATTRIBUTES.sub("", _TAG.sub(_shown, text))


def _shown(tag: re.Match[str]) -> str:
    if tag["raw"] is not None or tag["comment"]:
        return tag["raw"] or ""
    quoted = _QUOTED.search(tag["rest"] or tag["value"] or "")
    first = (quoted[1] or quoted[2] or "") if quoted else ""
    match tag["name"]:
        case "slack_channel":
            return f"#{first}"
        case "alert":
            return f"{first}\n\n"
        case "data":
            return re.sub(r"[-_]", " ", tag["rest"].split(".")[-1].strip())
    return first if tag["name"] in {"link", None} else ""

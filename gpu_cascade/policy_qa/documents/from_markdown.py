"""Markdown (CommonMark and tables) to blocks."""

import re

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from .builder import Builder
from .from_html import fragment
from .shortcodes import readable

_NOWHERE = re.compile(r"\[([^][]*)\]\(\)")  # a link that was escaped, its target a template tag
_STRUCK = re.compile(r"<(?P<ends>/?)(?:s|del|strike)[\s>]", re.IGNORECASE)
_SPLIT = {"softbreak": " ", "hardbreak": "\n"}


def markdown(text: str, builder: Builder) -> None:
    """Add the blocks of a Markdown text. Links are read as their text, images and struck text not at all."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.disable("code")  # what is indented by four blanks is mostly a paragraph in a template
    for node in SyntaxTreeNode(parser.parse(readable(text))).children:
        _block(node, builder, "")


def _block(node: SyntaxTreeNode, builder: Builder, marker: str) -> None:
    """One block and what it holds; `marker` is given inside of a list."""
    match node.type:
        case "heading":
            builder.heading(int(node.tag[1:]), _inline(node))
        case "paragraph":
            builder.add("item" if marker else "paragraph", _inline(node), marker)
        case "bullet_list" | "ordered_list":
            _list(node, builder, " " * len(marker))
        case "tr":
            builder.add("row", " | ".join(_inline(cell).replace("\n", " ") for cell in node.children))
        case "fence":
            builder.add("code", node.content)
        case "html_block":
            fragment(node.content, builder)
        case _:
            for child in node.children:
                _block(child, builder, marker)


def _list(node: SyntaxTreeNode, builder: Builder, indent: str) -> None:
    number = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
    for place, item in enumerate(node.children):
        marker = indent + ("- " if number is None else f"{number + place}. ")
        for child in item.children:
            _block(child, builder, marker)
            marker = " " * len(marker)


def _inline(node: SyntaxTreeNode) -> str:
    """The text of a block's inline content."""
    text, struck = "", False
    for piece in [piece for child in node.children for piece in child.children]:
        if piece.type == "html_inline" and (tag := _STRUCK.match(piece.content)):
            struck = not tag["ends"]
        elif not struck:
            text += _piece(piece)
    return _NOWHERE.sub(r"\1", text)


def _piece(piece: SyntaxTreeNode) -> str:
    match piece.type:
        case "text" | "code_inline":
            return piece.content
        case "softbreak" | "hardbreak":
            return _SPLIT[piece.type]
        case "html_inline":
            return "\n" if piece.content.lower().startswith("<br") else ""
        case "image" | "s":
            return ""
    return "".join(map(_piece, piece.children))

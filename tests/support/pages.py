"""Pages of the documentation as the tests read them: code blocks, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_PART = re.compile(
    r"<!-- skip: (?P<reason>.*?)-->|<!-- setup\n(?P<setup>.*?)-->|^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A code block of a page.

    Attributes:
        language: as after the three backquotes.
        code: its text.
        setup: code of the comments `<!-- setup … -->` before it, which readers do not see.
        skip: reason of a comment `<!-- skip: … -->` right before it; empty for a block that runs.
    """

    language: str
    code: str
    setup: str
    skip: str


def blocks(page: Path, language: str) -> list[Block]:
    """Code blocks of one language, in the order of the page."""
    found, setup, skip = [], "", ""
    for part in _PART.finditer(page.read_text(encoding="utf-8")):
        if part["reason"]:
            skip = part["reason"].strip()
        elif part["setup"]:
            setup += part["setup"]
        else:
            if part["language"] == language:
                found.append(Block(language, part["code"], setup, skip))
                setup = ""
            skip = ""
    return found


def commands(page: Path) -> Iterator[list[str]]:
    """Commands of the page's ```bash blocks as lists of words, without variables before and redirections behind them."""
    for block in blocks(page, "bash"):
        for line in _logical_lines(block.code):
            words = shlex.split(line, comments=True)
            for command in _split(words, ("&&", "|", "&")):
                while command and re.fullmatch(r"\w+=\S*", command[0]):
                    command = command[1:]
                if command:
                    yield _split(command, (">", ">>", "<"))[0]


def _logical_lines(code: str) -> Iterator[str]:
    """Lines of a shell script, joined where a backslash or an open quotation mark continues them."""
    pending = ""
    for line in code.splitlines():
        pending += line
        if pending.endswith("\\"):
            pending = pending[:-1] + " "
            continue
        try:
            shlex.split(pending, comments=True)
        except ValueError:  # a quotation goes on in the next line
            pending += "\n"
            continue
        yield pending
        pending = ""
    assert not pending, f"a command that does not end: {pending!r}"


def _split(words: list[str], separators: tuple[str, ...]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word in separators:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts

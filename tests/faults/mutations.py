"""Random changes to the content of files."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Iterator

from acrnn import files

EXTREMES = (0, 1, -1, 2**7, 2**15 - 1, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1)
LINES = (
    b"\x00\x01\x02\x1b[2J\x7f",
    b"\xff\xfe\xc3(",
    "\u202e\u2028\u0085".encode(),
    b"[" * 5000,
    b'{"a":' * 2000,
    b"9" * 5000,
    b"1e999 -1e999 nan inf",
    b'"',
    b"\r",
    b",,,,\t\t\t;;;;",
    b"../" * 2000,
    b"x" * 100_000,
)
_OGG_HEADER = 27  # bytes before the table of segments
VALUES = (None, True, -1, 0, 1.5, 1e300, 2**70, "", "x", "\x00", "x" * 5000, [], {}, [[]], [1], {"a": 1}, ["a"], [None])


def changed(content: bytes, generator: random.Random, is_text: bool) -> bytes:
    """Returns content with one to three random changes.

    Args:
        content: bytes of a file.
        generator: source of the changes.
        is_text: change lines and words, too.
    """
    kinds = _TEXT if is_text else _BINARY
    for _ in range(generator.randint(1, 3)):
        content = generator.choice(kinds)(content, generator)
    return content


def _flip(content: bytes, generator: random.Random) -> bytes:
    """Flips bits of up to eight bytes, more often near the start, where headers are."""
    values = bytearray(content)
    for _ in range(generator.randint(1, 8) if values else 0):
        values[_place(len(values), generator)] ^= 1 << generator.randrange(8)
    return bytes(values)


def _place(size: int, generator: random.Random) -> int:
    return generator.randrange(min(size, generator.choice((64, 1024, size))))


def _cut(content: bytes, generator: random.Random) -> bytes:
    return content[: generator.randint(0, len(content))]


def _insert(content: bytes, generator: random.Random) -> bytes:
    """Inserts random bytes, or a copy of a part."""
    place = generator.randint(0, len(content))
    start = generator.randint(0, len(content))
    added = generator.randbytes(generator.randint(1, 64)) if generator.random() < 0.5 else content[start : start + 4096]
    return content[:place] + added + content[place:]


def _remove(content: bytes, generator: random.Random) -> bytes:
    place = generator.randint(0, len(content))
    return content[:place] + content[place + generator.choice((1, 4, 64, 1024)) :]


def _extreme(content: bytes, generator: random.Random) -> bytes:
    """Writes an extreme integer of two, four or eight bytes over others."""
    if not content:
        return content
    kind, size = generator.choice((("H", 2), ("I", 4), ("Q", 8)))
    value = generator.choice(EXTREMES) % 2 ** (8 * size)
    place = _place(len(content), generator)
    return content[:place] + struct.pack(generator.choice("<>") + kind, value) + content[place + size :]


def _line(content: bytes, generator: random.Random) -> bytes:
    """Replaces, repeats, removes or adds a line."""
    lines = content.split(b"\n")
    place = generator.randrange(len(lines))
    new = generator.choice((*LINES, lines[generator.randrange(len(lines))]))
    lines[place : place + generator.randint(0, 1)] = [new] * generator.randint(0, 2)
    return b"\n".join(lines)


def _word(content: bytes, generator: random.Random) -> bytes:
    """Replaces a word, or the text between two marks, such as a cell of a table."""
    mark = generator.choice((b" ", b",", b"\t", b'"', b":"))
    words = content.split(mark)
    words[generator.randrange(len(words))] = generator.choice((*LINES, b"", b"-1", b"1e400", b"nan", b"null"))
    return mark.join(words)


_BINARY: tuple[Callable[[bytes, random.Random], bytes], ...] = (_flip, _cut, _insert, _remove, _extreme)
_TEXT = (_flip, _cut, _insert, _line, _line, _word, _word)


def sealed(content: bytes, generator: random.Random) -> bytes:
    """Returns a JSON object with one to three values replaced, and with a checksum that fits."""
    value = json.loads(content)
    value.pop("sha256", None)
    for _ in range(generator.randint(1, 3)):
        place = generator.choice(list(_places(value)))
        value = _replaced(value, place, generator)
    if isinstance(value, dict):
        value = {"sha256": files.sha256_of_json(value), **value}
    return json.dumps(value).encode()


def _places(value, path: tuple = ()) -> Iterator[tuple]:
    entries = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*path, key)
        yield from _places(entry, (*path, key))
    if not path:
        yield ()


def _replaced(value, path: tuple, generator: random.Random):
    if not path:
        return generator.choice(VALUES) if generator.random() < 0.2 else value
    copy = dict(value) if isinstance(value, dict) else list(value)
    key, *rest = path
    if rest:
        copy[key] = _replaced(value[key], tuple(rest), generator)
    elif generator.random() < 0.2:
        del copy[key]
    else:
        copy[key] = generator.choice(VALUES)
    return copy


def rezipped(content: bytes, generator: random.Random) -> bytes:
    """Returns a ZIP archive with one of its files changed, whose checksums fit."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        chosen = generator.choice(old.namelist())
        for name in old.namelist():
            member = old.read(name)
            new.writestr(
                name, changed(member, generator, name.endswith((".json", ".xml"))) if name == chosen else member
            )
    return buffer.getvalue()


def ogg(content: bytes, generator: random.Random) -> bytes:
    """Returns an Ogg file with bits flipped behind the headers of its pages, whose checksums fit."""
    values, position = bytearray(content), 0
    while position < len(content):
        table = position + _OGG_HEADER
        begin = table + content[table - 1]
        end = begin + sum(content[table:begin])
        if generator.random() < 0.5:
            values[begin:end] = _flip(content[begin:end], generator)
        if generator.random() < 0.1:
            values[position + 6 : position + 14] = generator.choice(EXTREMES).to_bytes(8, "little", signed=True)
        values[position + 22 : position + 26] = bytes(4)
        values[position + 22 : position + 26] = _ogg_sum(values[position:end]).to_bytes(4, "little")
        position = end
    return bytes(values)


def _ogg_sum(page: bytes) -> int:
    """Checksum of an Ogg page: CRC-32 with the polynomial 0x04c11db7, neither reflected nor inverted."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        value &= 0xFFFFFFFF
    return value

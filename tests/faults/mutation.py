"""Damage to real files, the same for a seed: bits turned, ends cut off, numbers made huge, text made hostile."""

from __future__ import annotations

import json
import random
import sqlite3
import struct
import zlib
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

WORDS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1_000_000_000)
TOKENS = (
    b"", b"0", b"-1", b"1e400", b"nan", b"99999999999999999999", b"null", b"[]", b"{}", b'"', b"'", b",", b"\n", b"\0",
    b"../../../etc/passwd", b"/etc/passwd", b"C:\\x", b"=1+1", b"\xff\xfe", b"[" * 3000, b"true", "ä".encode(), b"1.5",
)  # fmt: skip


def mutated(content: bytes, seed: int) -> bytes:
    """Return the content with one to four kinds of damage."""
    chance = random.Random(seed)
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        chance.choice(_DAMAGES)(data, chance)
    return bytes(data)


def _place(data: bytearray, chance: random.Random) -> int:
    """Return a position: headers lie at the ends, and damage there reaches furthest."""
    near = min(len(data), 400)
    where = chance.random()
    if where < 0.5:
        return chance.randrange(near) if near else 0
    if where < 0.65:
        return len(data) - 1 - chance.randrange(near) if near else 0
    return chance.randrange(len(data)) if data else 0


def _turn_bits(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 3, 20))):
        if data:
            data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _cut_off(data: bytearray, chance: random.Random) -> None:
    del data[_place(data, chance) :]


def _put_word(data: bytearray, chance: random.Random) -> None:
    size = chance.choice((2, 4, 4, 8))
    word = chance.choice(WORDS) & ((1 << 8 * size) - 1)
    place = _place(data, chance)
    data[place : place + size] = word.to_bytes(size, chance.choice(("little", "big")))


def _put_token(data: bytearray, chance: random.Random) -> None:
    place = _place(data, chance)
    data[place : place + chance.randrange(8)] = chance.choice(TOKENS)


def _repeat(data: bytearray, chance: random.Random) -> None:
    start = _place(data, chance)
    data[start:start] = data[start : start + chance.randrange(1, 200)] * chance.choice((1, 1, 50))


def _blank(data: bytearray, chance: random.Random) -> None:
    start, length = _place(data, chance), chance.randrange(1, 300)
    data[start : start + length] = bytes([chance.choice((0, 255))]) * len(data[start : start + length])


def _drop(data: bytearray, chance: random.Random) -> None:
    start = _place(data, chance)
    del data[start : start + chance.randrange(1, 100)]


_DAMAGES = (_turn_bits, _cut_off, _put_word, _put_word, _put_token, _repeat, _blank, _drop)


VALUES = (
    None, 0, -1, 2, 1e308, float("inf"), 99999999999999999999.0, 2**62, "", "x", "../../x", "/etc/passwd", "C:\\x",
    "\0", "=1+1", b"\xff\x00", "[1]", "{}", "[[1, 2, 3]]", "nan", "[" * 5000,
)  # fmt: skip
PNG_HEAD = 8


def with_sums(content: bytes) -> bytes:
    """Return a PNG whose pieces have right checksums, so that a decoder looks at what is in them."""
    made, at = bytearray(content[:PNG_HEAD]), PNG_HEAD
    while at + 12 <= len(content):
        length = struct.unpack(">I", content[at : at + 4])[0]
        piece = content[at + 4 : at + 8 + length]
        made += content[at : at + 4] + piece + struct.pack(">I", zlib.crc32(piece))
        at += 12 + length
    return bytes(made)


def with_hostile_cells(file: Path, seed: int) -> None:
    """Write values that no program of ours writes into a few cells of a project's database."""
    chance = random.Random(seed)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for _ in range(chance.choice((1, 1, 2, 5))):
            table = chance.choice(tables)
            column = chance.choice([row[1] for row in connection.execute(f"PRAGMA table_info({table})")])
            with suppress(sqlite3.IntegrityError, OverflowError):
                connection.execute(f"UPDATE {table} SET {column} = ?", (chance.choice(VALUES),))
        for _, sql in triggers:
            connection.execute(sql)


def with_hostile_leaves(content: bytes, seed: int) -> bytes:
    """Return JSON in which a few values are of another kind or size."""
    chance = random.Random(seed)
    whole: Any = json.loads(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        place = whole
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = chance.choice(keys)
            if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.7:
                place = place[key]
                continue
            value = chance.choice((*VALUES, [], {}, [None], {"a": []}, True))
            place[key] = value.hex() if isinstance(value, bytes) else value
            break
    return json.dumps(whole).encode()

# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates malformed outputs from recorded ones: first each node of each document in turn, then anything anywhere at random.

An input only depends on the seed and its number, so that each finding can be reproduced alone.
"""

import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fuzz.recorded import ANSWERS, DOCUMENTS, HELP, KLOG, TEXTS, WHOLE

LARGEST = 256 * 1024  # bytes of an input
_MARK = "@raw-"  # a string in a document in whose place other text comes, which json.dumps cannot write
# What a node becomes: values, and text that no Python value is written as.
VALUES = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        1.5,
        10**19,
        -(10**30),
        1e300,
        "",
        "x",
        "0",
        "-1",
        "1" * 30,
        " ",
        "\0",
        "a\0b",
        "--all",
    ),
    *(
        "\x1b]0;title\x07\x1b[2J",
        "\u202etxt",
        "\ufeff",
        "\u2028",
        "a\nb\r\nc",
        "\N{SUPERSCRIPT TWO}",
        "/",
        "../..",
        "{}",
        "%s",
    ),
    *(
        "CONTAINER_",
        "CONTAINER_RUNNING",
        "SANDBOX_READY",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:60+99:99",
    ),
    *(
        "2026-02-30T00:00:00Z",
        "https://user:hunter2@host/",
        [],
        {},
        [None],
        [[]],
        [{}],
        {"": None},
        {"id": {}},
        [1, "a", None],
    ),
)
RAW = (
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-0",
        "-0.0",
        "1E400",
        "9" * 5000,
        '"\\ud800"',
        '"\\udfff\\ud800"',
        '"\\u0000"',
    ),
    *(
        "[" * 2000 + "]" * 2000,
        '{"a":' * 500 + "1" + "}" * 500,
        "[" * 300 + "]" * 300,
        "[" * 5000,
        '{"id": 1, "id": null}',
    ),
    *(
        "undefined",
        "'x'",
        "01",
        "+1",
        "",
        '"\\x41"',
        '"a\tb"',
        '"' + "x" * 5000 + '"',
        "[" + "0," * 2000 + "0]",
    ),
)
TOP = (
    b"",
    b"null",
    b"5",
    b'"x"',
    b"true",
    b"[]",
    b"{}",
    b"[[]]",
    b"[null]",
    b"[{}]",
    b"{",
    b"[",
    b"}",
    b"\0",
    b"\xff\xfe",
    b"\n",
)
_NOISE = (
    *(
        b"\0",
        b"\x1b[2J",
        b"\xff",
        b"\xed\xa0\x80",
        b"\r\n",
        b"\n",
        b" ",
        b"\t",
        b'"',
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b",",
    ),
    *(b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xc2\x85", b"\x0b", b"\x1c", b"null", b"-", b"@", b"=", b"9" * 400),
    *(KLOG.encode(), HELP.encode(), b"//user:hunter2@host/", b'time="x" level=fatal msg="y" ', b"F", b"P"),
)
# Repeated until an input is as large as one may be: what takes more than linear time shows it then.
_FLOODS = (
    *(
        b" ",
        b"\t",
        b"\n",
        b"\0",
        b"[",
        b'{"a":',
        b"{}",
        b"[]\n",
        b"{} ",
        b'"',
        b"\\",
        b'\\"',
        b"a:",
        b"a: b",
        b": ",
        b"-",
        b"@",
        b"a@",
    ),
    *(
        b"a:b@",
        b"://",
        b"a://b@",
        b"x",
        b"9",
        b"1 ",
        b"\xff",
        b"\xe2\x80\xae",
        b"\x1b[2J",
        b"time=",
        b" level=fatal msg=",
        b'msg="',
    ),
    *(
        b'time="x" level=fatal msg="y\\" ',
        b"FATA[0000] ",
        b"cgroup driver:",
        b"cgroup driver: \n",
        b"RuntimeName: ",
        b"NAME: crictl ",
    ),
    *(
        b"2026-11-24T00:04:10Z stdout P x\n",
        b"2026-11-24T00:04:10Z stdout F\n",
        b"2026-11-24T00:04:10Z stderr P",
        b"\n\n",
        b"a = ",
        b"[a]\n",
    ),
    *(
        b'{"log":"x","stream":"stdout","time":"2026-11-24T00:04:10Z"}\n',
        b"E1124 ",
        b"W1124 x] ",
        b"\r",
        b"x " * 8,
        b"a\\n",
        b"%",
    ),
)


@dataclass(frozen=True)
class Input:
    """One output: its command (or stderr, log, config), its bytes, and how it was created."""

    number: int
    source: str
    data: bytes
    made: str


def inputs(seed: int, count: int) -> Iterator[Input]:
    """Yield this many inputs: the systematic ones, at most half of them, and random ones."""
    number = 0
    for source, data, made in _systematic(count // 2):
        yield Input(number, source, data, made)
        number += 1
    for each in range(number, count):
        yield random_input(seed, each)


def _systematic(count: int) -> Iterator[tuple[str, bytes, str]]:
    """Yield each wrong top level and each node of each small document as each value, thinned out evenly to this many."""
    every = list(_every())
    step = max(len(every) / max(count, 1), 1)
    position = 0.0
    while position < len(every):
        source, make, made = every[int(position)]
        yield source, make(), made
        position += step


def _every() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    for source in ANSWERS:
        for top in (*TOP, HELP.encode(), KLOG.encode(), *(RAW[index].encode() for index in range(len(RAW)))):
            yield source, lambda top=top: top, f"whole output {top[:20]!r}"
    for source, documents in DOCUMENTS.items():
        for document in documents:
            for path in paths(document):
                if "info" in path and len(path) > path.index("info") + 2:
                    continue  # what each runtime fills as it likes, and nothing reads
                for index in range(len(VALUES) + len(RAW)):
                    yield (
                        source,
                        lambda *given, d=document, p=path, i=index: _with_value(d, p, i),
                        f"{path} value {index}",
                    )
                if path:
                    yield source, lambda d=document, p=path: dumped(without(d, p)), f"{path} left out"


def _with_value(document, path, index) -> bytes:
    if index < len(VALUES):
        return dumped(replaced(document, path, VALUES[index]))
    return dumped(replaced(document, path, f"{_MARK}{index - len(VALUES)}"))


def paths(document, here=()) -> Iterator[tuple]:
    """Yield the path of each node, the whole document first."""
    yield here
    items = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in items:
        yield from paths(value, (*here, key))


def replaced(document, path, value):
    """Return a copy with another value at this path."""
    if not path:
        return value
    changed = copy.copy(document)
    changed[path[0]] = replaced(document[path[0]], path[1:], value)
    return changed


def without(document, path):
    """Return a copy without this path."""
    changed = copy.copy(document)
    if len(path) == 1:
        del changed[path[0]]
    else:
        changed[path[0]] = without(document[path[0]], path[1:])
    return changed


def dumped(document, indent=None) -> bytes:
    """Return the document as JSON, with raw text in place of each mark."""
    text = json.dumps(document, indent=indent)
    if _MARK in text:
        for index, raw in enumerate(RAW):
            text = text.replace(f'"{_MARK}{index}"', raw)
    return text.encode("utf-8", "surrogatepass")


def random_input(seed: int, number: int) -> Input:
    """Return a recorded output with several random mutations."""
    chance = random.Random(f"{seed}:{number}")
    source = chance.choice(_SOURCES)
    origin = source if chance.random() < 0.9 else chance.choice(_SOURCES)  # else another command's output
    made = [] if origin == source else [f"of {origin}"]
    if origin in DOCUMENTS:
        document = chance.choice(
            WHOLE[origin] if origin in WHOLE and chance.random() < 0.03 else DOCUMENTS[origin]
        )
        for _time in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 5))):
            change = chance.choice(_CHANGES)
            document = change(chance, document)
            made.append(change.__name__.strip("_"))
        data = dumped(document, chance.choice((None, 2)))
    else:
        data = chance.choice(TEXTS[origin]).encode()
    if len(made) < 2 or chance.random() < 0.3:
        for _time in range(chance.choice((1, 1, 2, 3))):
            damage = chance.choice(_DAMAGES)
            data = damage(chance, data)
            made.append(damage.__name__.strip("_"))
    if chance.random() < 0.006:
        data = _flooded(chance, data)
        made.append("flooded")
    return Input(number, source, data[:LARGEST], ", ".join(made))


_SOURCES = [*DOCUMENTS, *DOCUMENTS, *TEXTS]

# Changes of a document


def _place(chance, document, keep=0):
    """Choose a node; those closer to the top more often."""
    path, node = (), document
    while isinstance(node, (dict, list)) and node and (len(path) < keep or chance.random() < 0.8):
        key = chance.choice(list(node) if isinstance(node, dict) else range(len(node)))
        path, node = (*path, key), node[key]
    return path, node


def _another_value(chance, document):
    return replaced(document, _place(chance, document)[0], copy.deepcopy(chance.choice(VALUES)))


def _raw_text(chance, document):
    return replaced(document, _place(chance, document)[0], f"{_MARK}{chance.randrange(len(RAW))}")


def _another_node(chance, document):
    """Return a node from elsewhere in the same document."""
    return replaced(document, _place(chance, document)[0], copy.deepcopy(_place(chance, document)[1]))


def _left_out(chance, document):
    path, _node = _place(chance, document, keep=1)
    return without(document, path) if path else document


def _another_type(chance, document):
    """Return the same content as another type."""
    path, node = _place(chance, document)
    if isinstance(node, dict):
        other = chance.choice(
            (list(node), list(node.values()), str(node), [[key, value] for key, value in node.items()])
        )
    elif isinstance(node, list):
        other = chance.choice(
            ({str(index): each for index, each in enumerate(node)}, str(node), (node or [None])[0])
        )
    elif isinstance(node, str):
        other = chance.choice(([node], {node: node}, list(node), len(node), node * 2))
    else:
        other = chance.choice((str(node), [node], {"value": node}, float(node or 0)))
    return replaced(document, path, other)


def _longer(chance, document):
    """Return a list, an object or a string with its content repeated many times."""
    path, node = _place(chance, document)
    times = chance.choice((2, 3, 20, 100))
    if isinstance(node, list):
        node = (node * times)[:2000]
    elif isinstance(node, dict):
        node = {
            **node,
            **{f"{key}{index}": value for key, value in list(node.items())[:5] for index in range(times)},
        }
    else:
        node = f"{node}" * times
    return replaced(document, path, node[:20_000] if isinstance(node, str) else node)


def _deeper(chance, document):
    path, node = _place(chance, document)
    for _time in range(chance.choice((1, 2, 30, 100))):
        node = [node] if chance.random() < 0.5 else {chance.choice(("id", "status", "a")): node}
    return replaced(document, path, node)


def _another_key(chance, document):
    path, node = _place(chance, document)
    if isinstance(node, dict) and node:
        old, new = (
            chance.choice(list(node)),
            chance.choice(("", "x", "\0", "\ud800", "\x1b[2J", "ID", "Id", "id", "K" * 3000)),
        )
        node = {new if key == old else key: value for key, value in node.items()}
    return replaced(document, path, node)


def _characters(chance, document):
    """Return a string with unusual characters in it."""
    path, node = _place(chance, document, keep=3)
    if isinstance(node, str):
        odd = chance.choice(
            (
                "\0",
                "\ud800",
                "\udcff",
                "\x1b[31m",
                "\n",
                "\r",
                "\u202e",
                "\u200b",
                " ",
                "'",
                '"',
                "{",
                "-",
                "\x7f",
                "~",
            )
        )
        at = chance.randrange(len(node) + 1)
        node = node[:at] + odd + node[at:]
    return replaced(document, path, node)


_CHANGES = (
    *(
        _another_value,
        _raw_text,
        _another_node,
        _left_out,
        _another_type,
        _longer,
        _deeper,
        _another_key,
        _characters,
    ),
    *(_another_value, _another_value, _another_type),
)

# Damage to bytes


def _span(chance, data):
    start = chance.randrange(len(data) + 1)
    return start, min(start + chance.choice((1, 2, 8, 64, 1000)), len(data))


def _truncated(chance, data):
    return data[: chance.randrange(len(data) + 1)]


def _flipped(chance, data):
    changed = bytearray(data)
    for _time in range(chance.choice((1, 1, 2, 10))):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut_out(chance, data):
    start, end = _span(chance, data)
    return data[:start] + data[end:]


def _doubled(chance, data):
    start, end = _span(chance, data)
    return data[:end] + data[start:]


def _with_noise(chance, data):
    at = chance.choice((0, len(data), chance.randrange(len(data) + 1)))
    return data[:at] + chance.choice(_NOISE) + data[at:]


def _followed(chance, data):
    """Return consecutive documents of one command or of two."""
    between = chance.choice((b"", b"\n", b" ", b"\n\n\n", b",", b"\0"))
    other = chance.choice((data, ANSWERS[chance.choice(list(ANSWERS))]))
    return between.join([data, other, *([other] * chance.choice((0, 0, 3)))])


def _wrapped(chance, data):
    before, after = chance.choice(
        ((b"[", b"]"), (b'{"status": ', b"}"), (b'"', b'"'), (b"[[", b"]]"), (b"\xef\xbb\xbf", b""))
    )
    return before + data + after


def _another_encoding(chance, data):
    text = data.decode("utf-8", "replace")
    return text.encode(chance.choice(("utf-16", "utf-32-le", "latin-1", "utf-7")), "replace")


def _spaced(chance, data):
    at = chance.randrange(len(data) + 1)
    return (
        data[:at]
        + chance.choice((b" ", b"\t", b"\n", b"\r", b"\x0c", b"\xc2\xa0")) * chance.choice((1, 100, 3000))
        + data[at:]
    )


def _of_noise(chance, _data):
    return bytes(chance.randrange(256) for _each in range(chance.choice((1, 10, 300))))


_DAMAGES = (
    _truncated,
    _flipped,
    _cut_out,
    _doubled,
    _with_noise,
    _with_noise,
    _followed,
    _wrapped,
    _another_encoding,
    _spaced,
    _of_noise,
)


def _flooded(chance, data):
    """Return an input of the maximum size, with one part repeated."""
    flood = chance.choice(_FLOODS)
    at = chance.choice((0, len(data), chance.randrange(len(data) + 1)))
    room = max(LARGEST - len(data), 0)
    return data[:at] + flood * (room // len(flood)) + data[at:]

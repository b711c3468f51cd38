# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes each input to each reader, and records broken guarantees and times."""

import contextlib
import re
import signal
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from fuzz.mutations import Input
from fuzz.readers import READERS, Messages, replaying, told

BOUND = 2.0  # seconds of processor time for one input by one reader
_STUCK = 30.0  # seconds after which a reader is ended
_MESSAGE = 8000  # characters of a message
_PASSWORD = "hunter2"  # of the recorded outputs and of the mutations, and part of a value of the environment
_URL_WITH_PASSWORD = re.compile(r"//user:hunter2@(?:host|registry:5000)/")


@dataclass
class Fault:
    """A guarantee that a reader broke with an input."""

    reader: str
    given: Input
    what: str


@dataclass
class Outcome:
    """The results of all inputs. worst: {reader: (seconds, the input)}; answers: {reader: number of results without an error}."""

    count: int = 0
    faults: list[Fault] = field(default_factory=list)
    worst: dict[str, tuple[float, Input]] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(READERS, 0))

    @property
    def too_slow(self) -> list[str]:
        """Return the readers that took longer than BOUND for any input."""
        return [name for name, (seconds, _given) in self.worst.items() if seconds > BOUND]


class StuckError(BaseException):
    """A reader did not end; no exception handler of a reader catches this."""


def run(given: Iterable[Input]) -> Outcome:
    """Read all inputs by all readers."""
    outcome = Outcome()
    with replaying() as give, _watch():
        for each in given:
            outcome.count += 1
            _read(give(each), each, outcome)
    return outcome


def _read(given, each: Input, outcome: Outcome) -> None:
    for name, (read, sources) in READERS.items():
        if sources and each.source not in sources:
            continue
        signal.setitimer(signal.ITIMER_VIRTUAL, _STUCK)
        started = time.process_time()
        try:
            result = read(given)
            seconds = time.process_time() - started
            told(result)
            outcome.answers[name] += 1
            faults = filter(None, (_unfit(message, each.data) for message in _messages(result)))
            outcome.faults += [Fault(name, each, what) for what in faults]
        except NodeError as error:
            seconds = time.process_time() - started
            what = _unfit(str(error), each.data)
            if what:
                outcome.faults.append(Fault(name, each, what))
        except (Exception, StuckError) as error:
            seconds = time.process_time() - started
            frame = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__}: {str(error)[:150]!a} ({frame.filename.rpartition('plugins/')[2]}:{frame.lineno})"
            outcome.faults.append(Fault(name, each, what))
        if seconds > outcome.worst.get(name, (-1.0,))[0]:
            outcome.worst[name] = seconds, each
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _messages(result) -> list[str]:
    """Return the messages that a reader returned: its texts, or the errors of a dictionary."""
    if isinstance(result, Messages):
        return result
    errors = result.items() if isinstance(result, dict) else ()
    return [value for name, value in errors if name.endswith("error")]


def _unfit(message: str, data: bytes) -> str:
    """Return why a message must not reach a terminal, or nothing. Lines of a container's log are separate lines."""
    if len(message) > _MESSAGE:
        return f"a message of {len(message)} characters"
    if not all(line.isprintable() for line in message.split("\n")) or not message:
        return f"a message that is not printable: {message[:150]!a}"
    return f"a password in a message: {message[:150]!a}" if _leaks(message, data) else ""


def _leaks(message: str, data: bytes) -> bool:
    """Return whether a message shows the password.

    If a mutation has broken a URL of the input, as with a space or without its @, its password cannot be distinguished from other
    text. Only then the password may be in the message, but not as part of a whole URL.
    """
    text = data.decode("utf-8", "replace")
    is_broken = len(_URL_WITH_PASSWORD.findall(text)) < text.count(_PASSWORD)
    return _URL_WITH_PASSWORD.search(message) is not None or (_PASSWORD in message and not is_broken)


@contextlib.contextmanager
def _watch() -> Iterator[None]:
    def end(_signal, _frame):
        raise StuckError(f"no end within {_STUCK:.0f} s")

    before = signal.signal(signal.SIGVTALRM, end)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

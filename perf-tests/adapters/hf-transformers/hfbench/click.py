"""Command lines with the rules and texts of Click, which the real tool is made with.

Options are accepted only in full; the last of several counts. Click itself is no dependency of torch.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import UsageError

Value = str | int | float | bool | None

_WIDTH = 80
_TEXT_COLUMN = 30


@dataclass(frozen=True)
class Kind:
    """What an option takes: its word on the help page, and how a text is read."""

    word: str
    read: Callable[[str], Value]


@dataclass(frozen=True)
class Option:
    """An option. `names` has the principal spelling first; `off` is the spelling that switches a flag off."""

    names: tuple[str, ...]
    kind: Kind
    help: str
    default: Value = None
    required: bool = False
    off: str | None = None

    @property
    def label(self) -> str:
        """As error texts name it."""
        return " / ".join(f"'{name}'" for name in self.names)

    @property
    def is_flag(self) -> bool:
        """Whether it stands alone."""
        return self.kind is FLAG


@dataclass(frozen=True)
class Command:
    """A command, or the group, whose options end at the first other word."""

    about: str
    options: tuple[Option, ...]
    is_group: bool = False


@dataclass(frozen=True)
class Parsed:
    """Values by principal spelling; the words after the options; which options were written out."""

    values: dict[str, Value]
    rest: list[str]
    given: frozenset[str]
    help: bool


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"'{text}' is not a valid integer.") from None


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"'{text}' is not a valid float.") from None


def _existing(text: str) -> str:
    if not Path(text).exists():
        raise UsageError(f"Path '{text}' does not exist.")
    return text


def _output(text: str) -> str:
    if Path(text).is_dir():
        raise UsageError(f"File '{text}' is a directory.")
    return text


TEXT = Kind("TEXT", str)
PATH = Kind("PATH", str)
INT = Kind("INTEGER", _integer)
FLOAT = Kind("FLOAT", _float)
EXISTING = Kind("PATH", _existing)
OUTPUT = Kind("FILE", _output)
FLAG = Kind("", str)


def at_least_one(text: str) -> int:
    """A whole number from 1 on."""
    value = _integer(text)
    if value < 1:
        raise UsageError(f"{value} is not in the range x>=1.")
    return value


POSITIVE = Kind("INTEGER RANGE", at_least_one)


def choice(*words: str) -> Kind:
    """One of some words, spelt exactly."""

    def read(text: str) -> str:
        if text not in words:
            raise UsageError(f"'{text}' is not one of {', '.join(repr(word) for word in words)}.")
        return text

    return Kind(f"[{'|'.join(words)}]", read)


def parse(command: Command, words: Sequence[str]) -> Parsed:
    """Reads the options of a command.

    Raises UsageError in Click's words.
    """
    spellings = {name: (option, True) for option in command.options for name in option.names}
    spellings |= {option.off: (option, False) for option in command.options if option.off}
    texts: list[tuple[Option, str | bool]] = []
    rest: list[str] = []
    wants_help = False
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if not word.startswith("-") or word in ("-", "--"):
            rest.append(word)
            if command.is_group or word == "--":
                rest += queue
                break
            continue
        name, equals, attached = word.partition("=")
        if name == "--help":
            wants_help = True
        elif name in spellings:
            option, on = spellings[name]
            if option.is_flag:
                if equals:
                    raise UsageError(f"Option '{name}' does not take a value.")
                texts.append((option, on))
            elif not equals and not queue:
                raise UsageError(f"Option '{name}' requires an argument.")
            else:
                texts.append((option, attached if equals else queue.pop(0)))
        elif not word.startswith("--") and word[:2] in spellings and not spellings[word[:2]][0].is_flag:
            texts.append((spellings[word[:2]][0], word[2:]))
        else:
            raise UsageError(_no_such(name, [*spellings, "--help"]))
    if wants_help:
        return Parsed({}, rest, frozenset(), True)
    values = _values(command, texts)
    if rest and not command.is_group:
        plural = "s" if len(rest) > 1 else ""
        raise UsageError(f"Got unexpected extra argument{plural} ({' '.join(rest)})")
    return Parsed(values, rest, frozenset(option.names[0] for option, _ in texts), False)


def _values(command: Command, texts: list[tuple[Option, str | bool]]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for option, text in texts:
        try:
            values[option.names[0]] = text if isinstance(text, bool) else option.kind.read(text)
        except UsageError as why:
            raise UsageError(f"Invalid value for {option.label}: {why}") from None
    for option in command.options:
        if option.required and option.names[0] not in values:
            raise UsageError(f"Missing option {option.label}.")
        values.setdefault(option.names[0], option.default)
    return values


def _no_such(name: str, known: list[str]) -> str:
    close = sorted(difflib.get_close_matches(name, [word for word in known if len(word) > 2]))
    match close:
        case []:
            return f"No such option: {name}"
        case [one]:
            return f"No such option: {name} Did you mean {one}?"
    return f"No such option: {name} (Possible options: {', '.join(close)})"


def help_page(command: Command, path: str, commands: dict[str, Command]) -> str:
    """The page of a command called as `path`."""
    usage = "[OPTIONS] COMMAND [ARGS]..." if command.is_group else "[OPTIONS]"
    page = f"Usage: {path} {usage}\n\n  {command.about}\n\nOptions:\n"
    for option in command.options:
        page += _entry(_spelling(option), _description(option))
    page += _entry("--help", "Show this message and exit.")
    if commands:
        page += "\nCommands:\n" + "".join(_entry(name, each.about) for name, each in commands.items())
    return page


def _spelling(option: Option) -> str:
    # Click puts the short spelling first.
    names = ", ".join(sorted(option.names, key=lambda name: name.startswith("--")))
    off = f" / {option.off}" if option.off else ""
    return f"{names}{off} {option.kind.word}".rstrip()


def _description(option: Option) -> str:
    notes = ["x>=1"] if option.kind is POSITIVE else []
    if option.default is not None and not option.is_flag:
        notes.append(f"default: {option.default}")
    if option.required:
        notes.append("required")
    return option.help + (f"  [{'; '.join(notes)}]" if notes else "")


def _entry(spelling: str, description: str) -> str:
    text, indent = f"  {spelling}", " " * _TEXT_COLUMN
    text = f"{text:<{_TEXT_COLUMN}}" if len(text) + 2 <= _TEXT_COLUMN else f"{text}\n{indent}"
    column = _TEXT_COLUMN
    for index, word in enumerate(description.split(" ")):
        if index and column + 1 + len(word) > _WIDTH:
            text, column = f"{text}\n{indent}", _TEXT_COLUMN
        elif index:
            text, column = text + " ", column + 1
        text, column = text + word, column + len(word)
    return text + "\n"

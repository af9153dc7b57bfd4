"""Log records on stdout, in the form of the real tool's with a tag of our own."""

import datetime

LEVELS = ("internal_error", "error", "warning", "info", "verbose")
_LETTERS = {"internal_error": "F", "error": "E", "warning": "W", "info": "I", "verbose": "V"}


class Log:
    """Writes records that are at least as important as a level."""

    def __init__(self, level: str) -> None:
        self._level = LEVELS.index(level)

    def info(self, message: str) -> None:
        """What the run is doing."""
        self._write("info", message)

    def warning(self, message: str) -> None:
        """What the user may not expect."""
        self._write("warning", message)

    def error(self, message: str) -> None:
        """Why the run fails."""
        self._write("error", message)

    def _write(self, level: str, message: str) -> None:
        if LEVELS.index(level) <= self._level:
            now = datetime.datetime.now().strftime("%m/%d/%Y-%H:%M:%S")
            print(f"[{now}] [HF-TRANSFORMERS] [{_LETTERS[level]}] {message}", flush=True)

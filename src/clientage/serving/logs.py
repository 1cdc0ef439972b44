"""What the service says of itself: one JSON object a line on standard error, without anything of a customer."""

import logging
import os
import time

import orjson

ERROR_OUTPUT = 2


def say(event: str, **facts: object) -> None:
    """Write a line.

    Args:
        event: What happened.
        facts: About it; never an id, a value or a text from a request.
    """
    line = orjson.dumps({"time": round(time.time(), 3), "event": event} | facts) + b"\n"
    try:
        os.write(ERROR_OUTPUT, line)
    except OSError:
        return  # nobody listens any more: that must not cost an answer


class Lines(logging.Handler):
    """Hands what libraries log on to `say`, shortened to its pattern: the values in it may be from a request."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        pattern = record.msg if isinstance(record.msg, str) and record.args else type(record.msg).__name__
        failed = {"error": record.exc_info[0].__name__} if record.exc_info and record.exc_info[0] else {}
        say("server", level=record.levelname.lower(), pattern=pattern, **failed)

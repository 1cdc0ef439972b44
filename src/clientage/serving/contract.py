"""What a request may be, and what is answered: the contract of Vertex AI's containers and no more.

`{"instances": […], "parameters": {…}}` in, `{"predictions": […]}` out, one for each instance and in their order.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from clientage.errors import RequestError

MOST_PRODUCTS = 100
MOST_TOLD = 20  # problems told of in one answer


class Unreal(str):
    """NaN, Infinity or a number with a hundred digits: what many programs write, and nobody can count with."""

    __slots__ = ()


class Problem(str):
    """What is wrong with an instance: a sentence for who asked, which may quote a customer; and its kind for the log.

    Attributes:
        kind: A few words of ours.
    """

    __slots__ = ("kind",)
    kind: str

    def __new__(cls, kind: str, sentence: str) -> "Problem":
        """A sentence of a kind."""
        problem = super().__new__(cls, sentence)
        problem.kind = kind
        return problem


NO_OBJECT, NO_ID, NOBODY, NO_PURCHASES = "not an object", "not an id", "unknown customer", "unusable purchases"
MISSING, UNKNOWN, NO_NUMBER, NO_COMPONENTS = "missing feature", "unknown feature", "not a number", "no components"
KINDS = (NO_OBJECT, NO_ID, NOBODY, NO_PURCHASES, MISSING, UNKNOWN, NO_NUMBER, NO_COMPONENTS)
"""Of problems: all that the log tells of an instance that was refused."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        instances: One for each customer.
        recommend: How many products to recommend to each; 0 for none.
        strict: Whether one bad instance fails them all.
    """

    instances: list[Any]
    recommend: int = 0
    strict: bool = False


def read_request(body: bytes, most: int, recommend: int = 0) -> Wanted:
    """The request in a body.

    Args:
        body: As it came.
        most: How many instances it may have.
        recommend: How many products to recommend where it does not say.

    Raises:
        RequestError: It is none, with all that is wrong with it.
    """
    given = decode(body)
    if not isinstance(given, dict) or "instances" not in given:
        raise RequestError('the body: write an object with "instances", a list with one entry for each customer.')
    problems = [
        f"{shown(name)}: not known; a request has instances and parameters."
        for name in sorted(given.keys() - _PARTS)[: MOST_TOLD + 1]
    ]
    instances, parameters = given["instances"], given.get("parameters", {})
    if not isinstance(instances, list):
        problems.append("instances: not a list. Write one entry for each customer.")
    elif not instances:
        problems.append("instances: empty. Give one entry for each customer.")
    elif len(instances) > most:
        problems.append(f"instances: {len(instances):,} of them, above {most:,}. Send them in several requests.")
    if not isinstance(parameters, dict):
        problems.append("parameters: not an object. Write them by name, or leave them out.")
        parameters = {}
    problems += _parameters(parameters) if parameters else []
    if problems:
        raise RequestError(told(problems))
    return Wanted(instances, int(parameters.get("recommend", recommend)), parameters.get("strict", False))


_PARTS = {"instances", "parameters"}


def _parameters(given: dict[str, Any]) -> list[str]:
    problems = [f"parameters.{shown(name)}: not known; there are recommend and strict." for name in sorted(given)]
    problems = [said for name, said in zip(sorted(given), problems, strict=True) if name not in ("recommend", "strict")]
    recommend, strict = given.get("recommend", 0), given.get("strict", False)
    if type(recommend) not in (int, float) or recommend % 1 or not 0 <= recommend <= MOST_PRODUCTS:
        problems.append(f"parameters.recommend: not a whole number from 0 to {MOST_PRODUCTS}.")
    if not isinstance(strict, bool):
        problems.append("parameters.strict: neither true nor false.")
    return problems


def decode(body: bytes) -> Any:
    """The value that a body holds; numbers that are none as `Unreal`, so that their field can be named.

    Raises:
        RequestError: It is not JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        with suppress(ValueError, RecursionError, TypeError):
            found = json.loads(body, parse_constant=Unreal, parse_int=_whole)
            orjson.dumps(found)  # refuses what could not be answered either, such as half a character
            return found
        raise RequestError(f"the body is not JSON: {error}.") from error


def _whole(digits: str) -> int | Unreal:
    return int(digits) if len(digits) < 19 else Unreal(digits)


def encode(value: Any) -> bytes:
    """A value as JSON, arrays of numbers too."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def told(problems: Iterable[str]) -> str:
    """Problems as sentences, so many at most."""
    first = list(islice(problems, MOST_TOLD + 1))
    return " ".join([*first[:MOST_TOLD], "And more." if len(first) > MOST_TOLD else ""]).strip()


def valued(value: Any) -> str:
    """The same, a text in quotes: it may look like a number."""
    return f'"{shown(value)}"' if type(value) is str else shown(value)


def shown(value: Any) -> str:
    """A value from a request in a sentence: short, and on one line."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    text = value if isinstance(value, str) else repr(value)
    text = "".join(letter if letter.isprintable() else "·" for letter in text[:41])
    return text if len(text) <= 40 else f"{text[:39]}…"

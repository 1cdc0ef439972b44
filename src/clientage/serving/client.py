"""Asks a service for predictions: requests that are not too large, and an answer for every instance."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from clientage.errors import ServiceError
from clientage.serving.connection import Answer, Connection, clean

MOST = 500  # instances of a request: large enough to be quick, small enough to be sent again
MOST_BYTES = 1_400_000  # of a request, a little less than a service takes
MOST_OFFERS = 5000  # products of an answer, so that it does not become too large
TOLD = 10  # instances that a service tells of when it can use none of them

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Contract:
    """What a service says of itself in its OpenAPI document.

    Attributes:
        predict: Route of predictions.
        needs: Features that its model needs.
        components: Principal components that can stand in their place; none for most models.
        most: Most instances of a request.
    """

    predict: str
    needs: tuple[str, ...]
    components: tuple[str, ...]
    most: int


@dataclass(frozen=True)
class Client:
    """A service that was reached. Threads may share it.

    Attributes:
        connection: To the service.
        contract: What it says of itself.
        recommend: Products to ask for with each prediction.
    """

    connection: Connection
    contract: Contract
    recommend: int = 0

    @property
    def most(self) -> int:
        """How many instances to send at a time."""
        offers = MOST_OFFERS // self.recommend if self.recommend else MOST
        return max(min(MOST, self.contract.most, offers), 1)

    def ask(self, instances: Sequence[bytes]) -> list[Row]:
        """The answers to instances, in their order.

        Each is a prediction as the service tells it, with the `version` of the model that made it; or it has an
        `error`, a sentence, where the service cannot use the instance.

        Args:
            instances: JSON of each.

        Raises:
            ServiceError: The service does not answer, or not as it should.
        """
        return [row for piece in _pieces(instances, self.most) for row in self._ask(piece)]

    def _ask(self, instances: Sequence[bytes]) -> list[Row]:
        """The same in one request; in several where the service asks for that, or finds all of them bad."""
        answer = self._sent(instances)
        if answer.status == 200:
            return self._rows(answer, instances)
        if answer.status not in (413, 422):
            raise self.connection.failed(answer)
        if len(instances) == 1:
            return [{"error": _plain(answer.sentence, 0, instances[0])}]
        if answer.status == 422 and len(instances) <= TOLD:
            told = {} if any(map(_misleads, instances)) else _told(answer.sentence)
            return [{"error": told[i]} if i in told else self._ask([each])[0] for i, each in enumerate(instances)]
        size = TOLD if answer.status == 422 else math.ceil(len(instances) / 2)
        return [row for i in range(0, len(instances), size) for row in self._ask(instances[i : i + size])]

    def _sent(self, instances: Sequence[bytes]) -> Answer:
        parameters = b',"parameters":{"recommend":%d}' % self.recommend if self.recommend else b""
        body = b'{"instances":[%b]%b}' % (b",".join(instances), parameters)
        return self.connection.post(self.contract.predict, body)

    def _rows(self, answer: Answer, instances: Sequence[bytes]) -> list[Row]:
        found = answer.value.get("predictions")
        if not isinstance(found, list) or len(found) != len(instances) or not all(map(_is_prediction, found)):
            raise ServiceError(
                f"{self.connection.url}: answered something else than one prediction for each row. "
                "Is it a service of `clientage serve`?"
            )
        return [
            {"error": _plain(clean(row["error"]), i, instances[i])}
            if "error" in row
            else row | {"version": answer.version}
            for i, row in enumerate(found)
        ]


def reach(connection: Connection, recommend: int = 0) -> Client:
    """Find out what a service takes.

    Args:
        connection: To the service.
        recommend: Products to ask for with each prediction.

    Raises:
        ServiceError: Nobody answers there, or not as a service of ours.
    """
    answer = connection.get("/openapi.json")
    if answer.status != 200:
        raise connection.failed(answer)
    try:
        contract = _contract(answer.value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServiceError(f"{connection.url}: is not a service of `clientage serve`. Check --url.") from error
    if not contract.needs:
        raise ServiceError(f"{connection.url}: has no model loaded yet. Ask again later.")
    return Client(connection, contract, recommend)


def _contract(document: Mapping[str, Any]) -> Contract:
    schemas = document["components"]["schemas"]
    (route,) = (path for path, of in document["paths"].items() if of.get("post", {}).get("operationId") == "predict")
    if not route.startswith("/"):
        raise ValueError(route)
    needs, components = (schemas.get(name, {"required": ()})["required"] for name in ("Features", "Components"))
    most = int(schemas["Request"]["properties"]["instances"]["maxItems"])
    return Contract(route, tuple(map(str, needs)), tuple(map(str, components)), most)


def _pieces(instances: Sequence[bytes], most: int) -> list[list[bytes]]:
    """Instances in requests that are not too large; one that is too large alone is sent alone."""
    found: list[list[bytes]] = []
    size = 0
    for each in instances:
        size += len(each) + 1
        if not found or len(found[-1]) >= most or size > MOST_BYTES:
            found.append([])
            size = len(each) + 1
        found[-1].append(each)
    return found


def _is_prediction(row: Any) -> bool:
    if not isinstance(row, dict) or "error" in row:
        return isinstance(row, dict) and isinstance(row["error"], str)
    kinds = {"segment_id": int, "segment": str, "distance": float | int | None, "runner_up": int | None}
    return all(isinstance(row.get(name), kind) for name, kind in kinds.items()) and _are_offers(row)


def _are_offers(row: Row) -> bool:
    offers = row.get("recommendations", [])
    return isinstance(offers, list) and all(
        isinstance(each, dict) and isinstance(each.get("product"), str) for each in offers
    )


def _misleads(instance: bytes) -> bool:
    """Whether words of its own, repeated in a sentence, could pass for the place of another one."""
    return b"instances[" in instance or b"\\u" in instance


def _told(sentence: str) -> dict[int, str]:
    """What is wrong with each instance that a sentence tells of, by place."""
    found: dict[int, str] = {}
    for part in re.split(r"(?:^| )(?=instances\[\d{1,4}\])", sentence):
        if place := re.match(r"instances\[(\d+)\]", part):
            i = int(place[1])
            found[i] = f"{found[i]} {_plain(part, i)}" if i in found else _plain(part, i)
    return found


def _plain(sentence: str, place: int, instance: bytes = b"") -> str:
    """A sentence without the place in the request, which says nothing to those who sent a file."""
    return re.sub(rf"instances\[{place}\](\.|: )", "", sentence, count=1 if _misleads(instance) else 0)

"""Which model answers: read from a folder, and read again when it changes there, while requests go on."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from clientage.context import rules_in_use
from clientage.errors import ClientageError, InputError, RequestError
from clientage.segments import document
from clientage.segments.document import SegmentModel
from clientage.serving.engine import Engine
from clientage.serving.logs import say
from clientage.serving.place import Place
from clientage.serving.purchases import Featurizer
from clientage.serving.reading import Reader
from clientage.serving.served import Served
from clientage.serving.shop import Shop
from clientage.settings import Settings

EVERY = 1.0  # seconds between two looks at the files


def read_document(place: Place) -> tuple[str, SegmentModel]:
    """What the model of a place is called, and the model.

    Raises:
        InputError: It is not there, or cannot be read.
    """
    try:
        text = place.document.read_text(encoding="utf-8")
        given = json.loads(text)
        given = given if isinstance(given, dict) else {}
        text = str(given.get("document", text))
        model = document.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{place.document}: no model can be read there ({type(error).__name__}). Make it again."
        ) from error
    except InputError as error:
        raise InputError(f"{place.document}: {error}") from error
    return str(given.get("version") or json.loads(text)["sha256"][:12]), model


def load(place: Place, settings: Settings, engine: Engine) -> Served:
    """The model of a place, with what it takes to answer.

    Raises:
        ClientageError: It is not there, or cannot be read.
    """
    version, model = read_document(place)
    shop = Shop(place.tables, engine, settings.recommendations.repeat) if place.tables else None
    words = shop is not None and shop.manifest.source.get("stock_codes") == "words"
    home = settings.shop.home_country or (shop.home_country if shop else "")
    rules, services = rules_in_use(settings, words=words), settings.clean.service_descriptions
    served = Served(version, Reader(model, shop, Featurizer(engine, model.needs, rules, services, home)))
    served.prepare()
    return served


class Models:
    """The model that answers and, where there is one, the model in its shadow.

    Args:
        load: Loads a place.
        place: Of the model that answers.
        shadow: Of the model that is asked too, and whose answers are only logged.
        told: Told whether a load went well.
    """

    def __init__(
        self,
        load: Callable[[Place], Served],
        place: Place,
        shadow: Place | None = None,
        told: Callable[[bool], None] = lambda well: None,
    ) -> None:
        self._load, self._told = load, told
        self._slots = [_Slot(place), *([_Slot(shadow)] if shadow else [])]
        self.refresh()

    @property
    def served(self) -> Served | None:
        """The model that answers; None before there is one."""
        return self._slots[0].served

    @property
    def shadow(self) -> Served | None:
        """The model in the shadow; None where there is none."""
        return self._slots[1].served if len(self._slots) > 1 else None

    def require(self) -> Served:
        """The model that answers.

        Raises:
            RequestError: There is none.
        """
        if self.served is None:
            raise RequestError("no model is loaded. Ask again later.", 503)
        return self.served

    def refresh(self) -> None:
        """Load what has changed and is at rest; where that fails, the model before it goes on."""
        for slot in self._slots:
            now = slot.place.signature()
            resting, slot.seen = slot.served is None or now == slot.seen, now
            if now == slot.tried or not resting:
                continue
            slot.tried = now
            try:
                slot.served = self._load(slot.place)
            except (ClientageError, OSError, ValueError, LookupError, duckdb.Error) as error:
                slot.seen = ()  # tried again at the look after the next, should it pass
                slot.tried = () if isinstance(error, OSError) else now
                say("model not loaded", error=type(error).__name__, reason=str(error)[:300])
                self._told(False)
            else:
                say("model loaded", version=slot.served.version, segments=len(slot.served.names))
                self._told(True)

    def watch(self) -> Callable[[], None]:
        """Look for changes from now on, beside the answers.

        Returns:
            What ends it.
        """
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(EVERY):
                self.refresh()

        threading.Thread(target=look, name="models", daemon=True).start()
        return ended.set


@dataclass
class _Slot:
    """A model with its place.

    Attributes:
        place: Where it lies.
        served: The model; None before it could be loaded.
        seen: The signature at the last look: files that are being written change until the next one.
        tried: The signature that was loaded last, or could not be.
    """

    place: Place
    served: Served | None = None
    seen: tuple[object, ...] = ()
    tried: tuple[object, ...] = ()

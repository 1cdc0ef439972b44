"""What takes long and must not hold up a page: asking the registry, promoting, rolling back."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from clientage.errors import ClientageError

Told = Mapping[str, Any]

FRESH = 30.0  # seconds after which models are asked for again
RUNNING, DONE, FAILED = "running", "done", "failed"


@dataclass(frozen=True)
class Actions:
    """What the command lends the dashboard; each may take minutes, and raises `ClientageError`.

    Attributes:
        models: All models and changes of champion: `versions` and `champions`.
        promote: By version, reason, whether it overrules the gate, and who asks.
        roll_back: By reason and who asks.
    """

    models: Callable[[], Told]
    promote: Callable[[str, str, bool, str], str]
    roll_back: Callable[[str, str], str]


@dataclass(frozen=True)
class Work:
    """Something under way or done.

    Attributes:
        what: In words.
        state: running, done or failed.
        said: What came of it.
    """

    what: str
    state: str
    said: str = ""


class Works:
    """Does one change at a time, and remembers what came of the last.

    Args:
        actions: What it can do; None where there are no models to care for.
    """

    def __init__(self, actions: Actions | None) -> None:
        self.actions = actions
        self._turn, self._line = threading.Lock(), threading.Lock()
        self._work: Work | None = None
        self._models: Told | None = None
        self._trouble, self._asked, self._asking = "", -FRESH, False

    @property
    def work(self) -> Work | None:
        """The last change; None where nothing was ever asked for."""
        return self._work

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._asking or bool(self._work and self._work.state == RUNNING)

    def models(self) -> tuple[Told | None, str]:
        """What is known of models, and why it is not; they are asked for again in the background after a while."""
        with self._turn:
            stale = time.monotonic() - self._asked > FRESH
            if self.actions and stale and not self._asking:
                self._asking, self._asked = True, time.monotonic()
                self._aside(self._ask)
        return self._models, self._trouble

    def start(self, what: str, action: Callable[[], str]) -> bool:
        """Begin a change, unless another is under way.

        Args:
            what: In words.
            action: Does it, and says what came of it.
        """
        with self._turn:
            if self._work and self._work.state == RUNNING:
                return False
            self._work = work = Work(what, RUNNING)
        self._aside(lambda: self._do(work, action))
        return True

    def _aside(self, action: Callable[[], None]) -> None:
        threading.Thread(target=action, daemon=True).start()

    def _do(self, work: Work, action: Callable[[], str]) -> None:
        """Do it; it is done when the models after it are known, which stand beside what came of it."""
        state, said = FAILED, "it ended without a word. Look with `clientage models`."
        try:
            state, said = DONE, action()
        except ClientageError as error:
            said = str(error)
        finally:
            try:
                self._ask()
            finally:
                self._work = replace(work, state=state, said=said)

    def _ask(self) -> None:
        """Ask for the models, one after the other: what was asked for last is what is known."""
        with self._line:
            try:
                if self.actions:
                    self._models, self._trouble = self.actions.models(), ""
            except ClientageError as error:
                self._trouble = str(error)
            finally:
                self._asked, self._asking = time.monotonic(), False

"""What a notice says, in the shop's words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from clientage.monitoring.episodes import Episode

Kind = Literal["opened", "resolved"]

LONGEST = 600  # signs of what moved; a pager shows fewer
MOST_LINES = 40

_JOINER = "\u2060"  # has no width and breaks no line
_ALIKE = str.maketrans("*_~`", "∗ˍ∼ˋ")  # what makes words bold, slanted, struck out or code, whatever stands between
_BROKEN = re.compile(r"[<@\]]|&(?=[\w#])|[:/](?=/)|\.(?=[^\W\d_])")  # of markup, calls, links and bare addresses


@dataclass(frozen=True)
class Notice:
    """What is sent.

    Attributes:
        title: In a line, of our own words, the shop's name and days.
        text: A few lines.
        good: Whether it is good news; None for neither.
    """

    title: str
    text: str
    good: bool | None = None


@dataclass(frozen=True)
class Sender:
    """Who writes.

    Attributes:
        shop: Its name, put before every title; empty for none.
        dashboard: Address of the dashboard; empty for none.
    """

    shop: str = ""
    dashboard: str = ""

    def tells(self, kind: Kind, opened: date, episode: Episode | None) -> Notice:
        """The notice of an episode.

        Args:
            kind: That it opened, or that it is over.
            opened: When it opened, as it was told.
            episode: As it is now; None where late lines did away with it.
        """
        if episode is None:
            return self._notice(*_withdrawn(opened), good=True)
        words, good = (_over(episode), True) if kind == "resolved" else (_open(episode), False)
        return self._notice(*words, good=good)

    def test(self) -> Notice:
        """A notice to see whether it arrives."""
        return self._notice(
            "A test of the alerts", ["Notices of changes among your customers will come here. Nothing is to be done."]
        )

    def says(self, subject: str, lines: Sequence[str]) -> Notice:
        """A notice of something else, such as a task that failed, with the last lines of what was said of it."""
        said = [plain(line) for line in lines if line.strip()][-MOST_LINES:]
        return self._notice(plain(subject), said or ["No more is known."], good=False)  # without a text, none is sent

    def _notice(self, title: str, lines: list[str], good: bool | None = None) -> Notice:
        lines = [*lines, f"Dashboard: {self.dashboard}"] if self.dashboard else lines
        return Notice(f"{plain(self.shop)}: {title}" if self.shop else title, "\n".join(lines), good)


def plain(words: str) -> str:
    """Words that come from data, in one line, as text and nothing else wherever they are shown.

    No receiver can take `<b>` or `*b*` for markup, `@everyone` or `<!channel>` for a call to people, or `[a](b)`,
    `https://b` or `b.com` for a link: a sign that cannot be seen stands between, and `*`, `_`, `~` and the backtick,
    which that would not stop, are signs that look like them.
    """
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
    line = line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
    return _BROKEN.sub(rf"\g<0>{_JOINER}", line.translate(_ALIKE))


def _open(episode: Episode) -> tuple[str, list[str]]:
    return f"your customers are changing since {episode.opened}", [
        *_moved("What moved", episode),
        f"Since: {episode.opened}, {_windows(episode)} so far"
        + (f", the last from {episode.last}." if episode.windows > 1 else "."),
        "What to do: `clientage monitor` shows every measure and its limit; `clientage train` makes a model of your "
        "customers as they are now.",
    ]


def _over(episode: Episode) -> tuple[str, list[str]]:
    return f"your customers are as expected again since {episode.resolved}", [
        *_moved("What had moved", episode),
        f"When: from {episode.opened}, {_windows(episode)}; the one from {episode.resolved} was well again.",
        "What to do: nothing. `clientage monitor` shows how it went.",
    ]


def _withdrawn(opened: date) -> tuple[str, list[str]]:
    return f"the change of {opened} is withdrawn", [
        f"Why: figures were made anew, such as with order lines that came late; from {opened} there is no drift now.",
        "What to do: nothing. `clientage monitor` shows how it is.",
    ]


def _moved(heading: str, episode: Episode) -> list[str]:
    return [f"{heading}: {plain(episode.because)}"] if episode.because.strip() else []


def _windows(episode: Episode) -> str:
    return f"{episode.windows:,} window{'s' if episode.windows > 1 else ''} with drift"

"""What the command shows to a person: a line per stage, tables, and a moving line while it waits."""

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from clientage.manifest import Manifest

Row = Mapping[str, Any]
WIDTH = 100


@contextlib.contextmanager
def following(*, quiet: bool) -> Iterator[Callable[[str, Any], None]]:
    """Show stages as they finish, and progress where standard error is a terminal.

    Args:
        quiet: Show no stages: standard output is for a machine.

    Yields:
        What to tell: the name of a finished stage with the manifest, or `progress` with the share done.
    """
    waiting = Console(stderr=True)
    with waiting.status("working …") if waiting.is_terminal else contextlib.nullcontext() as status:

        def tell(what: str, of: Any) -> None:
            if what == "progress":
                if status:
                    status.update(f"working … {of:.0%}")
            elif not quiet:
                _print_stage(what, of)

        yield tell


def show_segments(profiles: Sequence[Row]) -> None:
    """The segments in order of revenue, each in its colour."""
    table = table_of(
        ("segment", "left"), ("customers", "right"), ("revenue", "right"), ("buys again", "right"), ("do", "left")
    )
    for row in profiles:
        table.add_row(
            Text("● ", style=row["colour"]) + Text(row["segment"], style="default"),
            f"{row['share']:.0%}",
            f"{row['revenue_share']:.0%}",
            _share(row["buys_again"]),
            Text(row["action"]),
        )
    out(table)


def show_scorecard(evaluation: Sequence[Row]) -> None:
    """Recipes at equal numbers of groups, averaged over the cutoffs."""
    measures = {"r2": ".3f", "auc": ".3f", "stability": ".2f", "smallest_share": ".1%"}
    table = table_of(
        ("groups", "right"), ("recipe", "left"), ("R² of spend", "right"), ("AUC buys again", "right"),
        ("stability", "right"), ("smallest", "right"),
    )  # fmt: skip
    keys = sorted({(row["groups"], row["recipe"]) for row in evaluation})
    for groups, recipe in keys:
        rows = [row for row in evaluation if (row["groups"], row["recipe"]) == (groups, recipe)]
        table.add_row(str(groups), recipe, *(_mean(rows, name, form) for name, form in measures.items()))
    out(table)


def show_recommenders(recommenders: Sequence[Row]) -> None:
    """Ways to recommend, the best first."""
    table = table_of(
        ("recommender", "left"), ("NDCG@10", "right"), ("precision@3", "right"), ("recall@10", "right"),
        ("MRR", "right"), ("coverage", "right"), ("served", "right"),
    )  # fmt: skip
    ranked = sorted(recommenders, key=lambda row: -row["ndcg_10"])
    for row in ranked:
        figures = [f"{row[name]:.3f}" for name in ("ndcg_10", "precision_3", "recall_10", "mrr")]
        table.add_row(row["model"], *figures, _share(row["coverage"]), _share(row["served"]))
    out(table)
    out(Text(f"{ranked[0]['model']} recommends best"))


def show_forecasts(values: Sequence[Row]) -> None:
    """Forecasts of spend, averaged over the cutoffs, the best ranking first."""
    table = table_of(("forecast", "left"), ("rank correlation", "right"), ("forecast", "right"), ("spent", "right"))
    everybody = [row for row in values if row["tenth"] == 0]
    names = dict.fromkeys(row["forecast"] for row in everybody)
    means = {
        name: [
            _average([row for row in everybody if row["forecast"] == name], column)
            for column in ("spearman", "forecast_spend", "spend")
        ]
        for name in names
    }
    for name, (rank, forecast, spent) in sorted(means.items(), key=lambda item: -(item[1][0] or 0)):
        table.add_row(name, "–" if rank is None else f"{rank:.2f}", f"{forecast or 0:,.0f}", f"{spent or 0:,.0f}")
    out(table)


def show_products(products: Sequence[Row], heading: str = "offer") -> None:
    """Products in order, with their score and what led to them."""
    if not products:
        out(Text(f"{heading}: no product"))
        return
    names = [name for name in ("description", "because") if any(row.get(name) for row in products)]
    table = table_of(("", "right"), (heading, "left"), *((name, "left") for name in names), ("score", "right"))
    for row in products:
        cells = {"description": row.get("description") or "", "because": row.get("because") or "popular"}
        told = [Text(cells[name]) for name in names]
        table.add_row(str(row["rank"]), Text(row["product"]), *told, f"{row['score']:.3f}")
    out(table)


def show_cost(stages: Iterable[Mapping[str, float]], price: float) -> None:
    """What was read in an engine that is paid for; nothing where there is none.

    Args:
        stages: What stages cost.
        price: Of a tebibyte, in US dollars.
    """
    asked = [cost for cost in stages if cost.get("statements")]
    if asked:
        statements, read = (sum(cost[name] for cost in asked) for name in ("statements", "gigabytes"))
        dollars = read * 1e9 / 2**40 * price
        out(Text(f"{'bigquery':<12}{statements:,.0f} statements · {read:,.3f} GB read · about ${dollars:,.4f}"))


def show_report(path: Path, options: str, *, evaluated: bool) -> None:
    """Where the report is and what to do next.

    Args:
        path: The report.
        options: What the next command needs to find the same workspace (see `repeated`).
        evaluated: Whether the next step was taken already.
    """
    following = "open it in a browser" if evaluated else f"open it in a browser, or clientage evaluate{options}"
    out(Text(f"{'report':<12}{path}        next: {following}"))


def repeated(config: Path | None, workspace: str | None, warehouse: str = "") -> str:
    """The options of this command that the next one needs too, as they would be typed."""
    given = {"--config": config, "--workspace": workspace, "--warehouse": warehouse}
    return "".join(f" {name} {shlex.quote(str(path))}" for name, path in given.items() if path)


def show_findings(findings: Mapping[str, Mapping[str, Any]]) -> None:
    """What was examined, part by part."""
    for part, facts in ((part, facts) for part, facts in findings.items() if facts):
        table = table_of((part, "left"), ("", "left"))
        for name, value in facts.items():
            table.add_row(
                Text(name), Text(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
            )
        out(table)


def _print_stage(name: str, manifest: "Manifest") -> None:
    text = _SAID[name](manifest)
    out(Text(f"{_PAST[name]:<12}{text:<{WIDTH - 24}}{manifest.stages[name]['seconds']:>8.1f} s"))
    if why := manifest.stages[name].get("anew"):
        out(Text(f"{'':<12}all read anew: {why}"))
    for note in manifest.source["understood"]["notes"] if name == "read" else ():
        out(Text(f"{'':<12}note: {note}"))
    for warning in manifest.warnings.get(name, ()):
        out(Text(f"{'':<12}warning: {warning}", style="bold"))


_PAST = {
    "read": "read", "clean": "cleaned", "features": "customers", "sweep": "swept", "train": "segments",
    "segment": "assigned", "profile": "profiles", "evaluate": "judged", "recommend": "offers", "report": "report",
}  # fmt: skip


def _said_read(manifest: "Manifest") -> str:
    files = manifest.source["files"]
    lines, added = manifest.tables["transactions"], manifest.stages["read"].get("added")
    new = "" if added is None else f" · {added:,} of them new"
    return f"{lines:,} lines from {files[0] if len(files) == 1 else f'{len(files):,} files'}{new}"


def _said_clean(manifest: "Manifest") -> str:
    reasons = sorted(manifest.reasons.items(), key=lambda item: -item[1])
    named = " · ".join(f"{lines:,} {reason}" for reason, lines in reasons[:2])
    more = " · …" if len(reasons) > 2 else ""
    aside = f" · {manifest.tables['rejected']:,} set aside: {named}{more}" if reasons else ""
    words = (
        " · stock codes are words: none taken for a service" if manifest.source.get("stock_codes") == "words" else ""
    )
    return f"{manifest.tables['lines']:,} used{aside}{words}"


def _said_features(manifest: "Manifest") -> str:
    missing = manifest.source.get("missing_features", {})
    without = f" · left out: {', '.join(missing)}" if missing else ""
    span = " to ".join(str(manifest.source.get(end))[:10] for end in ("first", "last"))
    return f"{manifest.tables['customers']:,} as of {manifest.as_of} · lines from {span}{without}"


def _said_recommend(manifest: "Manifest") -> str:
    made = manifest.tables.get("recommendations", 0)
    if not made:
        return "nothing to recommend"
    how = manifest.recommender
    return f"{made:,} recommendations of {manifest.tables['products']:,} products by {how['model']}, {how['reason']}"


_SAID: Mapping[str, Callable[["Manifest"], str]] = {
    "read": _said_read,
    "clean": _said_clean,
    "features": _said_features,
    "sweep": lambda manifest: f"{manifest.tables['candidates']:,} candidates",
    "train": lambda manifest: f"{manifest.choice['k']}, {manifest.choice['reason']}",
    "segment": lambda manifest: f"{manifest.tables['segments']:,} customers",
    "profile": lambda manifest: f"{manifest.tables['profiles']:,} segments",
    "evaluate": lambda manifest: f"{manifest.tables['evaluation']:,} groupings by what customers did next",
    "recommend": _said_recommend,
    "report": lambda _: "report.html",
}


def table_of(*columns: tuple[str, Any]) -> Table:
    """A table with these headings, each at its side."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading, justify in columns:
        table.add_column(heading, justify=justify, overflow="fold")
    return table


def _mean(rows: Sequence[Row], name: str, form: str) -> str:
    mean = _average(rows, name)
    return "–" if mean is None else f"{mean:{form}}"


def _average(rows: Sequence[Row], name: str) -> float | None:
    known = [row[name] for row in rows if row[name] is not None]
    return sum(known) / len(known) if known else None


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the caller, where Rich would end the program."""
        raise BrokenPipeError


def out(what: Any) -> None:
    """Print a line or a table, for a person or a pipe."""
    console = _Console()
    if not console.is_terminal:
        # a pipe has no width of its own: do not fold what a person may search in
        console = _Console(width=200)
    try:
        console.print(what, soft_wrap=isinstance(what, Text))
    except BrokenPipeError:
        # whoever read our output has gone; that must not stop a run
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - stays open to the end

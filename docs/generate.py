"""Write into the pages what the code knows best: settings, tables, rules, recipes, verbs. Called by `make docs`.

A page marks the place with `<!-- generated: NAME -->` and `<!-- end -->`; what stands between is replaced.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from typer.main import get_command

from clientage.cli import app
from clientage.cloud import costs
from clientage.customers.features import NEEDS
from clientage.monitoring.measures import MEASURES
from clientage.pipeline import MODEL, REPORT, STAGES
from clientage.segments import grid, names, space
from clientage.settings import Section, Settings
from clientage.settings import names as setting_names
from clientage.tables import PREDICTIONS, TABLES, WATCHED, Column, TableSpec
from clientage.transactions.clean import RULES
from clientage.transactions.simulation.shifts import KINDS as SHIFTS
from clientage.transactions.sources.mapping import WORDS
from clientage.transactions.sources.names import LAYOUTS, NAMES

DOCS = Path(__file__).parent
SIZES = DOCS.parent / "benchmarks" / "sizes.json"
EXAMPLE = DOCS.parent / "clientage.example.toml"
_BLOCK = re.compile(r"(<!-- generated: ([\w-]+) -->)\n.*?(<!-- end -->)", re.DOTALL)


def settings() -> Iterator[str]:
    """Every setting by section: default, what is allowed, meaning."""
    fields, schema = setting_names(), Settings.model_json_schema()
    for section, meaning in _sections():
        own = [name for name in fields if name.rpartition(".")[0] == section]
        rows = [
            (f"`{name}`", _code(_toml(fields[name].default)), _allowed(_schema(schema, name)), fields[name].description)
            for name in own
        ]
        if section:
            yield from (f"## `[{section}]`", meaning)
        yield _table(("setting", "default", "allowed", "meaning"), rows)


def tables() -> Iterator[str]:
    """Every table with its columns."""
    for name, spec in TABLES.items():
        yield from _promise(name, spec)


def predictions() -> Iterator[str]:
    """The tables that no run makes."""
    for name, spec in (WATCHED | {"predictions": PREDICTIONS}).items():
        yield from _promise(name, spec)


def features() -> Iterator[str]:
    """Every column of `customers`, the column of the order lines it needs, and the recipes that use it."""
    rows = [
        (
            f"`{name}`",
            column.unit or "–",
            column.meaning,
            f"`{NEEDS[name]}`" if name in NEEDS else "",
            ", ".join(recipe for recipe, how in space.RECIPES.items() if name in how.features)
            + (", quintiles" if name in grid.AXES else ""),
        )
        for name, column in TABLES["customers"].columns.items()
        if name not in TABLES["customers"].key and name != "as_of"
    ]
    yield _table(("feature", "unit", "meaning", "needs the column", "compared by"), rows)


def shifts() -> Iterator[str]:
    """Every kind of shift that can be planted in the simulated shop."""
    rows = (
        (f"`{name}`", kind.meaning, kind.size, f"{kind.usual:g}", f"{kind.least:g} to {kind.most:g}")
        for name, kind in SHIFTS.items()
    )
    yield _table(("kind", "what happens", "size", "unless given", "allowed"), rows)


def rules() -> Iterator[str]:
    """Every cleaning rule in order."""
    rows = (
        (str(i), name, rule.meaning, ", ".join(f"`{need}`" for need in rule.needs), f"`clean.{name.replace(' ', '_')}`")
        for i, (name, rule) in enumerate(RULES.items(), 1)
    )
    yield _table(("", "rule", "sets aside", "needs the column", "setting"), rows)


def recipes() -> Iterator[str]:
    """Every recipe with what it compares customers by."""
    rows = [
        (
            f"`{name}`",
            recipe.meaning,
            ", ".join(
                f"{feature}{f' × {weight:g}' if weight != 1 else ''}" for feature, weight in recipe.features.items()
            ),
            "yes" if recipe.log else "no",
        )
        for name, recipe in space.RECIPES.items()
    ]
    rows.append(("`quintiles`", "the classic grid, with its usual names", ", ".join(grid.AXES), "no"))
    yield _table(("recipe", "compares customers by", "features", "logarithms"), rows)


def actions() -> Iterator[str]:
    """What is advised for whom."""
    recencies = list(dict.fromkeys(recency for _, recency in names.ACTIONS))
    values = {"valuable": "Top, High", "mid": "Mid", "small": "Low, Minimal"}
    rows = ((words, *(names.ACTIONS[value, recency] for recency in recencies)) for value, words in values.items())
    yield _table(("spenders", *recencies), rows)


def grid_actions() -> Iterator[str]:
    """The names of the grid, and what is advised."""
    yield _table(("segment", "do"), grid.ACTIONS.items())


def presets() -> Iterator[str]:
    """Known exports and how they are told."""
    rows = ((layout.name, ", ".join(f"`{name}`" for name in layout.signature), layout.remark) for layout in LAYOUTS)
    yield _table(("export", "recognized by the columns", "good to know"), rows)


def common_names() -> Iterator[str]:
    """Names of columns that are recognized."""
    rows = ((f"`{role}`", WORDS[role], "; ".join(" ".join(sorted(tier)) for tier in NAMES[role])) for role in WORDS)
    yield _table(("role", "", "names, the surest first"), rows)


def commands() -> Iterator[str]:
    """Every verb with its arguments and options."""
    for name, verb in verbs(vars(get_command(app))["commands"]):
        arguments = [parameter for parameter in verb.params if parameter.param_type_name == "argument"]
        options = [parameter for parameter in verb.params if parameter.param_type_name == "option"]
        given = " ".join(p.name.upper() if p.required else f"[{p.name.upper()}]" for p in arguments)
        yield from (f"## `clientage {name}`", verb.help, f"```console\n$ clientage {name} {given}".rstrip() + "\n```")
        rows = [(f"`{p.name.upper()}`", "", p.help) for p in arguments]
        rows += [(f"`{p.opts[0]}`", _default(p.default), p.help) for p in options]
        yield _table(("argument or option", "default", ""), rows)


def verbs(commands: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, Any]]:
    """Every verb by its full name, such as `run` and `export audience`."""
    for name, verb in commands.items():
        inner = vars(verb).get("commands")
        yield from verbs(inner, f"{group}{name} ") if inner else [(group + name, verb)]


def stages() -> Iterator[str]:
    """The flow, stage by stage."""
    files = {"train": [f"`{MODEL}`"], "report": [f"`{REPORT}`"]}
    rows = (
        (
            f"`{stage.name}`",
            "every table" if set(stage.reads) == set(TABLES) else ", ".join(f"`{name}`" for name in stage.reads),
            ", ".join([*files.get(stage.name, []), *(f"`{name}`" for name in stage.writes)]),
        )
        for stage in STAGES
    )
    yield _table(("stage", "reads", "writes"), rows)


def example() -> str:
    """The example of the settings file: every setting with its default."""
    fields = setting_names()
    lines = [
        "# Every setting with its default. Copy what you change to clientage.toml beside your data.",
        "# A flag, such as --set segments.k=5, and the environment, such as CLIENTAGE_SEGMENTS__K=5, win over this.",
    ]
    for section, meaning in _sections():
        lines += ["", f"# {meaning}", f"[{section}]"] if section else [""]
        for name, setting in fields.items():
            if name.rpartition(".")[0] == section:
                value = _toml(setting.default)
                lines.append(f"{name.rpartition('.')[2]} = {value}  # {setting.description}" if value else
                             f"# {name.rpartition('.')[2]} = 2024-12-31  # {setting.description}")  # fmt: skip
    return "\n".join(lines) + "\n"


def measures() -> Iterator[str]:
    """Everything that monitoring measures."""
    rows = [
        (
            area,
            name,
            measure.meaning,
            "" if measure.least is None else f"{measure.least:.0%}" if measure.ratio else f"{measure.least:g}",
            "yes" if measure.decides else "no",
        )
        for area, of in MEASURES.items()
        for name, measure in of.items()
    ]
    yield _table(("area", "measure", "what it is", "least", "decides"), rows)


def prices() -> Iterator[str]:
    """Published prices that the sums of a month begin with."""
    rows = (
        (
            name,
            f"{each.usd:.10f}".rstrip("0"),
            each.unit,
            f"{each.free:,g}" if each.free else "",
            f"[{each.source.split('/')[1]}](https://{each.source})",
            each.read,
        )
        for name, each in costs.PRICES.items()
    )
    yield _table(("price", "USD", "for one", "free in a month", "published at", "read"), rows)


def figures() -> Iterator[str]:
    """What the sums need beside prices."""
    rows = ((_number(each.value), each.meaning, each.basis) for each in costs.FIGURES.values())
    yield _table(("figure", "what it is", "where it is from"), rows)


def month() -> Iterator[str]:
    """What a month costs, by the size of the shop."""
    ways = {
        "Vertex AI endpoint, n1-standard-2": costs.endpoint,
        "Vertex AI endpoint, e2-standard-2": costs.smallest_endpoint,
        "Cloud Run, paid by request": costs.run_by_request,
        "Cloud Run, one instance always up": costs.run_by_instance,
        "all customers each day by SQL in BigQuery": costs.scored_in_sql,
        "all customers each day by batch prediction": costs.batch,
        "runs each day, trainings each week, on a machine": costs.runs_on_a_machine,
        "runs each day in BigQuery": costs.runs_in_bigquery,
        "storage and images": costs.storage,
    }
    sizes = [f"{shop.customers:,} customers, {shop.requests:,} requests" for shop in costs.SHOPS]
    yield _table(
        ("USD a month", *sizes),
        ((name, *(f"{way(shop):,.2f}" for shop in costs.SHOPS)) for name, way in ways.items()),
    )


def sizes() -> Iterator[str]:
    """What a whole run took of shops of different sizes, as `python -m benchmarks.sizes` measured it."""
    found = json.loads(SIZES.read_text(encoding="utf-8"))
    machine = found["machine"]
    yield (
        f"On {machine['cores']} cores ({machine['cpu']}) with {machine['memory_gb']:.0f} GB, of which DuckDB may use "
        f"{found['memory']} (`warehouse.memory`):"
    )
    yield _table(
        (
            "order lines",
            "customers",
            "products",
            "time",
            "CPU",
            "memory",
            "workspace",
        ),
        (
            (
                f"{run['lines']:,}",
                f"{run['customers']:,}",
                f"{run['products']:,}",
                _duration(run["wall_s"]),
                _duration(run["cpu_s"]),
                f"{run['peak_mb']:,} MB",
                f"{run['disk_mb']:,.0f} MB",
            )
            for run in found["runs"]
        ),
    )


def stage_times() -> Iterator[str]:
    """Of the same runs, how long each stage took."""
    runs = json.loads(SIZES.read_text(encoding="utf-8"))["runs"]
    yield _table(
        ("stage", *(f"{run['lines']:,} lines" for run in runs)),
        ((f"`{name}`", *(_duration(run["stages"][name]) for run in runs)) for name in runs[0]["stages"]),
    )


def _duration(seconds: float) -> str:
    """As it is read: 4.2 s, or 12 min."""
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:,.0f} s" if seconds < 600 else f"{seconds / 60:,.0f} min"


def _number(value: float) -> str:
    """A figure as it is read: 5,000,000, 0.6 or 0.0000314."""
    return f"{value:,.0f}" if value == int(value) else f"{value:.10f}".rstrip("0")


BLOCKS: Mapping[str, Callable[[], Iterable[str]]] = {
    "settings": settings,
    "tables": tables,
    "predictions": predictions,
    "measures": measures,
    "features": features,
    "rules": rules,
    "shifts": shifts,
    "recipes": recipes,
    "actions": actions,
    "grid-actions": grid_actions,
    "presets": presets,
    "common-names": common_names,
    "commands": commands,
    "prices": prices,
    "figures": figures,
    "month": month,
    "stages": stages,
    "sizes": sizes,
    "stage-times": stage_times,
}


def renewed(text: str) -> str:
    """A page with its marked places as the code has them now."""
    return _BLOCK.sub(lambda found: "\n\n".join([found[1], *BLOCKS[found[2]](), found[3]]), text)


def stale() -> dict[Path, str]:
    """Files that are not as the code has them, with what they should be."""
    files = {path: renewed(path.read_text(encoding="utf-8")) for path in sorted(DOCS.rglob("*.md"))} | {
        EXAMPLE: example()
    }
    return {path: text for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text}


def _sections(model: type[Section] | type[Settings] = Settings, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every section with its meaning, outer ones first; the name of the outermost is empty."""
    yield prefix, (model.__doc__ or "").splitlines()[0]
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _sections(field.annotation, f"{prefix}.{name}".strip("."))


def _promise(name: str, spec: TableSpec) -> Iterator[str]:
    """A table with its columns."""
    key = ", ".join(f"`{column}`" for column in spec.key) or "none: rows may repeat"
    yield from (f"## `{name}`", f"One row per {spec.row}. Key: {key}.")
    yield _table(("column", "kind", "unit", "meaning"), (_column(*item) for item in spec.columns.items()))


def _column(name: str, column: Column) -> tuple[str, ...]:
    meaning = column.meaning + ("; absent where the shop's data do not give it" if column.optional else "")
    return f"`{name}`", column.kind, column.unit or "–", meaning


def _toml(value: Any) -> str:
    """A default as it stands in the settings file; empty for none."""
    if value is None:
        return ""
    plain = list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
    return json.dumps(plain, ensure_ascii=False)


def _schema(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The JSON schema of a setting."""
    found: Mapping[str, Any] = schema
    for key in name.split("."):
        found = schema["$defs"][found["$ref"].rpartition("/")[2]] if "$ref" in found else found
        found = found["properties"][key]
    return found


def _allowed(schema: Mapping[str, Any]) -> str:
    """What a setting may be, in words."""
    if "anyOf" in schema:
        return " or ".join(_allowed(option) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{_toml(value)}`" for value in schema.get("enum", [schema.get("const")]))
    if schema["type"] == "object":
        return f"table: {_allowed(schema['additionalProperties'])}"
    if schema["type"] == "array":
        return f"list: {_allowed(schema['items'])}"
    low = f"from {schema['minimum']:g}" if "minimum" in schema else ""
    low = f"above {schema['exclusiveMinimum']:g}" if "exclusiveMinimum" in schema else low
    high = f"to {schema['maximum']:g}" if "maximum" in schema else ""
    kinds = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "`true`, `false`",
        "null": "unset",
    }
    kind = schema.get("format", "") if schema.get("format") == "date" else kinds[schema["type"]]
    return " ".join(part for part in (kind, low, high) if part)


def _code(text: str) -> str:
    return f"`{text}`" if text else "unset"


def _default(value: Any) -> str:
    return (
        _code(str(value)) if isinstance(value, str | int | Path) and not isinstance(value, bool) and value != "" else ""
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def main(arguments: Sequence[str]) -> int:
    """Write what is stale; with `--check` only name it."""
    found = stale()
    for path, text in found.items():
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        sys.stdout.write(
            f"{path.relative_to(DOCS.parent)}: {'stale, run make docs' if '--check' in arguments else 'written'}\n"
        )
    return int(bool(found) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

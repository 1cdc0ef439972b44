"""The documentation says what the code does, all of it, and every example in it works."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from clientage import settings
from clientage.cli import app
from clientage.errors import ClientageError, InputError, SettingsError
from clientage.segments.space import RECIPES
from clientage.tables import PREDICTIONS, SPECS, TABLES
from clientage.transactions.clean import RULES
from clientage.transactions.simulate import simulate

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
EXAMPLE = ROOT / "clientage.example.toml"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
TOP = get_command(app).commands
VERBS = {name: verb for name, verb in TOP.items() if not hasattr(verb, "commands")} | {
    f"{group} {name}": verb for group, of in TOP.items() for name, verb in getattr(of, "commands", {}).items()
}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text(name):
    return (DOCS / name).read_text(encoding="utf-8")


def fenced(page, language):
    """The examples of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands(page):
    """Every call of the command in a page's console examples."""
    lines = "\n".join(fenced(page, "console")).splitlines()
    return [line.removeprefix("$ ").partition(" #")[0] for line in lines if line.startswith("$ clientage")]


def rows(page, heading):
    """First cells of the tables under a heading of the second level."""
    section = re.search(rf"^## {re.escape(heading)}.*?\n(.*?)(?=^## |\Z)", text(page), re.DOTALL | re.MULTILINE)
    return re.findall(r"^\| `([^`]+)` \|", section[1], re.MULTILINE) if section else []


@pytest.fixture(scope="module")
def generate():
    """The script that writes the generated parts."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_as_the_code_has_them(generate):
    stale = [path.relative_to(ROOT).as_posix() for path in generate.stale()]
    assert not stale, f"{', '.join(stale)}: renew with `make docs`, or `python docs/generate.py`"


def test_generating_keeps_what_stands_around(generate):
    page = (
        "before\n<!-- generated: rules -->\n<!-- end -->\nbetween\n"
        "<!-- generated: stages -->\nold\n<!-- end -->\nafter\n"
    )
    once = generate.renewed(page)
    assert generate.renewed(once) == once
    assert once.startswith("before\n<!-- generated: rules -->\n\n| ")
    assert "<!-- end -->\nbetween\n<!-- generated: stages -->\n" in once
    assert "old" not in once
    assert once.endswith("\n\n<!-- end -->\nafter\n")


def test_every_generated_part_is_in_a_page(generate):
    used = re.findall(r"<!-- generated: ([\w-]+) -->", "".join(page.read_text(encoding="utf-8") for page in PAGES))
    assert sorted(used) == sorted(generate.BLOCKS)


@pytest.mark.parametrize("name", settings.names())
def test_setting_is_documented_with_its_default(name):
    row = re.search(rf"^\| `{re.escape(name)}` \| (.*?) \| .+? \| (.+?) \|$", text("settings.md"), re.MULTILINE)
    assert row, f"{name} is not in docs/settings.md"
    default = settings.names()[name].default
    if default is None:
        assert row[1] == "unset"
    else:
        assert json.loads(row[1].strip("`")) == json.loads(json.dumps(default, default=str))


def test_no_setting_is_made_up():
    documented = re.findall(r"^\| `([a-z_.]+)` \|", text("settings.md"), re.MULTILINE)
    assert sorted(documented) == sorted(settings.names())


def test_example_of_the_settings_holds_all_of_them_with_their_defaults(monkeypatch):
    for name in [name for name in os.environ if name.startswith("CLIENTAGE_")]:
        monkeypatch.delenv(name)
    read = settings.load(EXAMPLE)
    assert read.model_dump() == settings.Settings().model_dump()
    given, unset = EXAMPLE.read_text(encoding="utf-8"), re.compile(r"^# (\w+) = ", re.MULTILINE)
    assert "as_of" in unset.findall(given)
    flat = set(_flat(tomllib.loads(unset.sub(r"\1 = ", given))))
    assert flat == set(settings.names())


def _flat(tree, prefix=""):
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name


@pytest.mark.parametrize("verb", VERBS)
def test_verb_is_documented_with_its_options(verb):
    given = [p.name.upper() if p.param_type_name == "argument" else p.opts[0] for p in VERBS[verb].params]
    assert rows("commands.md", f"`clientage {verb}`") == given


def test_no_verb_is_made_up():
    assert sorted(re.findall(r"^## `clientage ([\w -]+)`", text("commands.md"), re.MULTILINE)) == sorted(VERBS)


@pytest.mark.parametrize("kind", [ClientageError, InputError, SettingsError])
def test_exit_codes_are_documented(kind):
    assert f"\n| {kind.exit_code} | " in text("commands.md")


@pytest.mark.parametrize(("name", "spec"), [*SPECS.items(), ("predictions", PREDICTIONS)])
def test_table_is_documented_with_its_columns(name, spec):
    assert rows("tables.md", f"`{name}`") == list(spec.columns)


def test_every_feature_is_documented():
    features = re.findall(r"^\| `(\w+)` \|", text("features.md"), re.MULTILINE)
    assert {*features, "customer_id", "as_of"} == set(TABLES["customers"].columns)


@pytest.mark.parametrize("rule", RULES)
def test_cleaning_rule_is_documented(rule):
    assert f"| {rule} |" in text("cleaning.md")
    assert f"\n**{rule}.** " in text("cleaning.md"), "say what it is for, below the table"


@pytest.mark.parametrize("recipe", [*RECIPES, "quintiles"])
def test_recipe_is_documented(recipe):
    assert f"\n| `{recipe}` | " in text("segments.md")


@each_page
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8"))):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        to = (page.parent / path).resolve() if path else page
        assert to.is_file(), f"{page.name}: {target}"
        assert not anchor or anchor in _anchors(to), f"{page.name}: {target}"


def _anchors(page):
    """Names of a page's headings, as they are made by both GitHub and the site's builder for the headings used here."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.M), re.M):
        found.add(re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-"))
    return found


@each_page
def test_commands_in_examples_exist(page):
    for command in commands(page):
        words = command.split()[1:]
        if words[0].startswith("-") or words[0] == "VERB":
            continue
        verb = " ".join(words[:2]) if words[0] not in VERBS else words[0]
        assert verb in VERBS, command
        known = {option for p in VERBS[verb].params for option in p.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known, command


@each_page
def test_settings_in_examples_exist(page):
    """Also those in running text: what follows `--set` is read as the command reads it."""
    told = page.read_text(encoding="utf-8")
    quoted = [match[1] for match in re.finditer(r"--set '([^']+)'", told)]
    plain = [match[1] for match in re.finditer(r"--set ([a-z_]+\.[a-z_.]+=[^\s`.…]+)", told)]
    settings.load(None, [given for given in quoted + plain if not given.endswith("=")])
    free = tuple(f"{name}." for name, field in settings.names().items() if field.annotation == dict[str, str])
    for example in fenced(page, "toml"):
        assert {name for name in _flat(tomllib.loads(example)) if not name.startswith(free)} <= set(settings.names())
    named = set(re.findall(r"`((?:shop|source|clean|segments|evaluate|warehouse)\.[a-z_.]+)`", told))
    assert named <= set(settings.names())


@pytest.mark.parametrize("name", ["README.md", "docs/getting-started.md", "docs/evaluation.md"])
def test_what_the_terminal_shows_has_every_stage(name):
    """What is shown in the pages is what the command says now, but for figures."""
    shown = "\n".join(fenced(ROOT / name, "text"))
    said = ("judged",) if "evaluation" in name else ("read", "cleaned", "customers", "segments", "assigned", "profiles")
    assert all(re.search(rf"^{word:<12}\S", shown, re.MULTILINE) for word in (*said, "report"))


@pytest.mark.slow
def test_python_examples_run(tmp_path):
    simulate(400, out=tmp_path / "orders.parquet", months=6)
    example = "\n".join(fenced(DOCS / "python.md", "python")).replace("orders.csv", "orders.parquet")
    ran = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert " segments of 400 customers as of " in ran.stdout
    assert "nowhere.csv: there is no such file or folder. Check the path. 1\n" in ran.stdout


def test_site_is_built_strictly(tmp_path):
    if importlib.util.find_spec("zensical") is None:
        reason = "zensical is not installed: make test installs it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    site = tmp_path / "site"
    assert {page.stem for page in DOCS.glob("*.md")} <= {page.stem for page in site.glob("*.html")}
    assert not list(site.rglob("*.py"))
    elsewhere = [r'<link[^>]+href="?https?://', r'<script[^>]+src="?https?://', r'<img[^>]+src="?https?://']
    for page in site.glob("*.html"):
        assert not [sign for sign in elsewhere if re.search(sign, page.read_text(encoding="utf-8"))], page.name


def test_every_page_is_in_the_menu():
    menu = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    assert sorted(re.findall(r'"([\w-]+\.md)"', menu)) == sorted(page.name for page in DOCS.glob("*.md"))

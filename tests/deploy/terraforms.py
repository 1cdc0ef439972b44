"""Terraform's files as a tree, and what is asked of it. No provider is needed, and none is held against it."""

import functools
import re
from pathlib import Path

import hcl2

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "terraform"
BLOCKS = ("resource", "data", "variable", "output", "locals", "provider", "terraform")
PINNED = r"~> \d+\.\d+"


@functools.cache
def read(text):
    """The blocks of a file, with quotes taken off."""
    return _plain(hcl2.loads(text))


def tree(folder=FOLDER):
    """All files as one."""
    found = {kind: [] for kind in BLOCKS}
    for path in sorted(folder.glob("*.tf")):
        for kind, blocks in read(path.read_text(encoding="utf-8")).items():
            found[kind] += blocks
    return found


def named(blocks):
    """Name and content of variables, outputs and locals."""
    return {name: content for block in blocks for name, content in block.items()}


def resources(found, kind="resource"):
    """Kind, name and content of each."""
    return [
        (of, name, content) for block in found[kind] for of, each in block.items() for name, content in each.items()
    ]


def texts(node):
    """Every text anywhere in it, keys too."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield str(key)
            yield from texts(value)
    elif isinstance(node, list):
        for each in node:
            yield from texts(each)
    elif isinstance(node, str):
        yield node


def expressions(found):
    """What stands in `${…}`."""
    return [inner for text in texts(found) for inner in _inside(text)]


def unresolved(found):
    """References to what is not declared."""
    declared = {f"var.{name}" for name in named(found["variable"])}
    declared |= {f"local.{name}" for block in found["locals"] for name in block}
    declared |= {f"{of}.{name}" for of, name, _ in resources(found)}
    declared |= {f"data.{of}.{name}" for of, name, _ in resources(found, "data")}
    return sorted(_references(found) - declared)


def unused(found):
    """Variables and locals that nothing reads."""
    declared = {f"var.{name}" for name in named(found["variable"])}
    declared |= {f"local.{name}" for block in found["locals"] for name in block}
    return sorted(declared - _references(found))


def too_mighty(found):
    """Roles of whole projects that nobody needs, keys, the public, and grants that take others' away."""
    bad = [
        text
        for text in texts(found)
        if re.search(r"roles/(owner|editor|viewer)\b|allUsers|allAuthenticatedUsers", text)
    ]
    for of, name, _ in resources(found):
        if of == "google_service_account_key" or re.search(r"_iam_(policy|binding)$", of):
            bad.append(f"{of}.{name}")
    return bad


def unsaid(found):
    """Variables without description, type or a check, and outputs without description."""
    bad = [
        name for name, each in named(found["variable"]).items() if not {"description", "type", "validation"} <= {*each}
    ]
    return bad + [name for name, each in named(found["output"]).items() if "description" not in each]


def open_buckets(found):
    """Buckets that may become public, whose objects are gone when they are overwritten, or stay for long after that."""
    wanted = {"uniform_bucket_level_access": True, "public_access_prevention": "enforced"}
    return [
        name
        for of, name, each in resources(found)
        if of == "google_storage_bucket"
        and not (
            wanted.items() <= {key: value for key, value in each.items() if key in wanted}.items()
            and [version.get("enabled") for version in each.get("versioning", [])] == [False]
            and any("removed_days" in str(kept) for kept in each.get("soft_delete_policy", []))
            and each.get("lifecycle_rule")
        )
    ]


def unpinned(found):
    """Versions that may be any."""
    bad = []
    for block in found["terraform"]:
        bad += [] if "<" in block.get("required_version", "") else ["terraform"]
        for each in block.get("required_providers", []):
            bad += [name for name, of in each.items() if not re.fullmatch(PINNED, of.get("version", ""))]
    return bad


def _references(found):
    pattern = r"(?<![\w.])((?:var|local)\.\w+|data\.\w+\.\w+|google_\w+\.\w+)"
    return {name for inner in expressions(found) for name in re.findall(pattern, inner)}


def _inside(text):
    """What stands in `${…}`, with braces in it; a text in an expression may have such places of its own."""
    start = text.find("${")
    while start != -1:
        depth, end = 1, start + 2
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        yield text[start + 2 : end - 1]
        start = text.find("${", end)


def _plain(node):
    if isinstance(node, dict):
        return {_bare(key): _plain(value) for key, value in node.items() if not key.startswith("__")}
    if isinstance(node, list):
        return [_plain(each) for each in node]
    return _bare(node)


def _bare(value):
    return value[1:-1] if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"' else value

"""Terraform's files hang together and give nobody more than they need.

Providers cannot be fetched by tests: arguments of resources are held against nothing but these checks.
"""

import ast
import os
import re
import shutil
import subprocess

import pytest
import terraforms
import yaml
from terraforms import FOLDER, ROOT, named, resources, texts

from clientage import settings
from clientage.cloud import identity

CHECKS = (
    terraforms.unresolved, terraforms.unused, terraforms.too_mighty, terraforms.unsaid, terraforms.open_buckets,
    terraforms.unpinned,
)  # fmt: skip


GUARDED = """resource "google_storage_bucket" "x" {
  uniform_bucket_level_access = true
  public_access_prevention = "enforced"
  versioning {
    enabled = false
  }
  soft_delete_policy {
    retention_duration_seconds = var.removed_days
  }
  lifecycle_rule {
    condition {
      age = 7
    }
  }
}"""


@pytest.fixture(scope="module")
def found():
    return terraforms.tree()


def terraform(*words, cwd=FOLDER):
    """What Terraform says; nothing is asked of any network."""
    path = shutil.which("terraform")
    if path is None:
        pytest.skip("terraform is not installed; it is in no package index")
    return subprocess.run(
        [path, *words],
        cwd=cwd,
        env=os.environ | {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_CLI_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_nothing_is_wrong(check, found):
    assert check(found) == []


@pytest.mark.parametrize(
    ("check", "text"),
    [
        ("unresolved", 'output "x" {\n description = "x"\n value = var.nowhere\n}'),
        ("unresolved", 'output "x" {\n description = "x"\n value = "gs://${google_storage_bucket.gone.name}"\n}'),
        ("unresolved", 'resource "google_project_service" "x" {\n service = data.google_project.other.number\n}'),
        ("unused", 'variable "x" {\n description = "x"\n type = string\n validation {}\n}'),
        ("unused", "locals {\n x = 1\n}"),
        ("too_mighty", 'resource "google_project_iam_member" "x" {\n role = "roles/editor"\n}'),
        ("too_mighty", 'resource "google_storage_bucket_iam_member" "x" {\n member = "allUsers"\n}'),
        ("too_mighty", 'resource "google_service_account_key" "x" {\n service_account_id = "x"\n}'),
        ("too_mighty", 'resource "google_project_iam_policy" "x" {\n policy_data = "x"\n}'),
        ("unsaid", 'variable "x" {\n type = string\n}'),
        ("unsaid", 'output "x" {\n value = 1\n}'),
        ("open_buckets", 'resource "google_storage_bucket" "x" {\n uniform_bucket_level_access = true\n}'),
        ("open_buckets", GUARDED.replace("false", "true")),
        ("open_buckets", GUARDED.replace("var.removed_days", "0")),
        ("unpinned", 'terraform {\n required_version = ">= 1.0"\n}'),
        (
            "unpinned",
            'terraform {\n required_version = "< 2"\n required_providers {\n google = { version = ">= 1" }\n }\n}',
        ),
    ],
)
def test_what_is_wrong_is_found(check, text, tmp_path):
    for path in FOLDER.glob("*.tf"):
        shutil.copy(path, tmp_path)
    (tmp_path / "zz.tf").write_text(text + "\n", encoding="utf-8")
    assert getattr(terraforms, check)(terraforms.tree(tmp_path))


def test_a_bucket_that_is_guarded_is_none_of_them():
    assert terraforms.open_buckets(terraforms.read(GUARDED + "\n")) == []


def test_the_format_is_that_of_terraform():
    formatted = terraform("fmt", "-check", "-diff", "-recursive")
    assert formatted.returncode == 0, formatted.stdout + formatted.stderr


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    """Terraform with the variables alone, so that no provider is needed."""
    folder = tmp_path_factory.mktemp("variables")
    shutil.copy(FOLDER / "variables.tf", folder)
    begun = terraform("init", "-input=false", cwd=folder)
    assert begun.returncode == 0, begun.stderr
    return folder


GOOD = ("project=our-shop-123456",)


@pytest.mark.parametrize(
    "given",
    [
        (),
        ("region=europe-west4", "name=clientage-two", "budget=1", "removed_days=0"),
        ("github_repository=our-shop/clientage", "github_repository_id=123456789"),
        (
            f"daily_image=europe-west4-docker.pkg.dev/p/clientage/clientage@sha256:{'a' * 64}",
            "daily_schedule=5 3 * * 1",
            "daily_warehouse=bigquery://our-shop-123456/clientage",
        ),
        ("alerts_email=shop@example.com", "billing_account=012345-6789AB-CDEF01"),
    ],
)
def test_variables_that_fit(given, variables):
    planned = terraform("plan", "-input=false", "-no-color", *_given(*GOOD, *given), cwd=variables)
    assert planned.returncode == 0, planned.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("project=Our Shop", "project: write the id"),
        ("region=europe-west4-a", "region: write a region"),
        ("name=x", "name: 4 to 16"),
        ("github_repository=https://github.com/o/r", "github_repository: write it as owner/name"),
        ("github_repository=o/r", "github_repository_id: give it together"),
        ("github_repository_id=o/r", "github_repository_id: write the number"),
        ("removed_days=3", "removed_days: 0, or a whole number"),
        ("removed_days=7.5", "removed_days: 0, or a whole number"),
        ("images_kept=1.5", "images_kept: a whole number from 2"),
        ("daily_image=clientage:latest", "daily_image: name it by digest"),
        ("daily_schedule=daily", "daily_schedule: five fields"),
        ("daily_warehouse=clientage", "daily_warehouse: write it as bigquery://project/dataset"),
        ("alerts_email=me", "alerts_email: write one address"),
        ("alert_latency_ms=0", "alert_latency_ms: above 0"),
        ("billing_account=mine", "billing_account: write it as"),
        ("budget=0", "budget: a whole number from 1"),
    ],
)
def test_variables_that_do_not_fit_are_said(given, said, variables):
    planned = terraform("plan", "-input=false", "-no-color", *_given(*GOOD, given), cwd=variables)
    assert planned.returncode == 1
    assert said in " ".join(planned.stderr.replace("│", " ").split())


def _given(*pairs):
    return [f"-var={pair}" for pair in pairs]


def test_rights_on_the_whole_project_are_those_that_have_no_smaller_place(found):
    given = {each["role"] for of, _, each in resources(found) if of == "google_project_iam_member"}
    statements = {"roles/bigquery.jobUser", "roles/bigquery.readSessionUser"}
    assert given == statements | {"${google_project_iam_custom_role.deploy.id}"}


def test_who_reads_tables_may_open_sessions_for_large_results(found):
    (results,) = [each for _, name, each in resources(found) if name == "results"]
    assert all(f'"{account}"' in str(results["for_each"]) for account in ("train", "serve", "deploy"))


def test_nobody_who_deploys_may_give_rights(found):
    (role,) = [each for of, _, each in resources(found) if of == "google_project_iam_custom_role"]
    assert role["permissions"] == sorted(set(role["permissions"]))
    assert not [each for each in role["permissions"] if re.search(r"setIamPolicy|\*|^(iam|resourcemanager)\.", each)]


# what the role of who deploys must have, by the method of Google's libraries, or by the end of an address asked by hand
PERMISSIONS = {
    "upload_model": {"aiplatform.models.upload"},
    "list_model_versions": {"aiplatform.models.get", "aiplatform.models.list"},
    "merge_version_aliases": {"aiplatform.models.update"},
    "create_endpoint": {"aiplatform.endpoints.create"},
    "list_endpoints": {"aiplatform.endpoints.list"},
    "get_endpoint": {"aiplatform.endpoints.get"},
    "update_endpoint": {"aiplatform.endpoints.update"},
    "deploy_model": {"aiplatform.endpoints.deploy", "aiplatform.models.get"},
    "undeploy_model": {"aiplatform.endpoints.undeploy"},
    ":rawPredict": {"aiplatform.endpoints.predict"},
    "create_custom_job": {"aiplatform.customJobs.create"},
    "list_custom_jobs": {"aiplatform.customJobs.list"},
    "get_custom_job": {"aiplatform.customJobs.get"},
    "create_batch_prediction_job": {"aiplatform.batchPredictionJobs.create"},
    "list_batch_prediction_jobs": {"aiplatform.batchPredictionJobs.list"},
    "get_batch_prediction_job": {"aiplatform.batchPredictionJobs.get"},
    "create_service": {"run.services.create", "run.operations.get"},
    "get_service": {"run.services.get"},
    "update_service": {"run.services.update", "run.operations.get"},
    "delete_service": {"run.services.delete", "run.operations.get"},
    "list_revisions": {"run.revisions.list"},
    "/predict": {"run.routes.invoke"},
    "/timeSeries": {"monitoring.timeSeries.list"},
    "get_tag": set(),  # of Artifact Registry: roles/artifactregistry.reader on the repository
}
CLOUD = ROOT / "src" / "clientage" / "cloud"
CALLING = (
    "images",
    "run",
    "usage",
    "vertex_endpoints",
    "vertex_jobs",
    "vertex_models",
)  # parts that `clientage deploy` goes by


def test_who_deploys_may_do_all_that_the_command_does(found):
    (role,) = [each for of, _, each in resources(found) if of == "google_project_iam_custom_role"]
    called = {called for name in CALLING for called in _called((CLOUD / f"{name}.py").read_text(encoding="utf-8"))}
    assert called == set(PERMISSIONS)
    assert set().union(*PERMISSIONS.values()) <= set(role["permissions"])
    reads = [each["on_images"] for each in found["locals"] if "on_images" in each]
    assert reads[0]["deploy"] == "roles/artifactregistry.reader"


def test_an_account_makes_its_own_identity_token(found):
    grants = named([each["google_service_account_iam_member"] for each in found["resource"]
                    if "google_service_account_iam_member" in each])  # fmt: skip
    given = grants["deploy_shows"]
    assert given["role"] == identity.ROLE
    assert '["deploy"]' in given["service_account_id"] and '["deploy"]' in given["member"]


def _called(source):
    """Methods of Google's clients, which take a `request`, and the ends of addresses asked by hand."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and any(each.arg == "request" for each in node.keywords):
            yield node.func.attr
        elif isinstance(node, ast.JoinedStr) and isinstance(node.values[-1], ast.Constant):
            yield from re.findall(r"(:rawPredict|/predict|/timeSeries)$", str(node.values[-1].value))


def test_github_comes_in_from_one_repository_and_one_environment_for_each_account(found):
    of = {name: each for _, name, each in resources(found) if name == "github" and "attribute_condition" in each}
    condition = of["github"]["attribute_condition"]
    assert "assertion.repository == '${var.github_repository}'" in condition
    assert "assertion.repository_id == '${var.github_repository_id}'" in condition
    (member,) = [
        each["member"] for kind, name, each in resources(found)
        if (kind, name) == ("google_service_account_iam_member", "github")
    ]  # fmt: skip
    assert member.endswith("/attribute.environment/${each.key}")


def test_environments_are_those_of_the_workflows(found):
    (given,) = [block["environments"] for block in found["locals"] if "environments" in block]
    accounts = dict(re.findall(r"(\w+) = \"(\w+)\"", given))
    used = {}
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            for step in job["steps"]:
                if "google-github-actions/auth@" in step.get("uses", ""):
                    used[job["environment"]] = step["with"]["service_account"]
    assert used == {name: f"${{{{ vars.GOOGLE_{account.upper()} }}}}" for name, account in accounts.items()}


def test_variables_of_workflows_are_those_that_terraform_tells(found):
    told = set(re.findall(r"(?<=[{,]) ?([A-Z_]+) = ", named(found["output"])["github_variables"]["value"]))
    workflows = "".join(path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    used = set(re.findall(r"vars\.(\w+)", workflows))
    assert told <= used
    # a server that Terraform does not make, and an engine that not everybody uses
    assert used - told == {"CLIENTAGE_TRACKING_URI", "CLIENTAGE_WAREHOUSE_URL"}


def test_settings_that_terraform_tells_exist(found):
    told = named(found["output"])["settings"]["value"]
    section, used = "", set()
    for line in told.splitlines():
        if found := re.match(r" *\[(\w+)\]", line):
            section = found[1]
        elif found := re.match(r" *(\w+) = ", line):
            used.add(f"{section}.{found[1]}")
    assert {"google.project", "serve.sink"} <= used <= set(settings.names())


def test_every_service_that_is_used_is_switched_on(found):
    (services,) = [block["services"] for block in found["locals"] if "services" in block]
    kinds = {of for of, _, _ in resources(found)}
    for part in ("artifact_registry", "bigquery", "cloud_scheduler", "cloud_run", "monitoring", "storage"):
        assert any(part in kind for kind in kinds)
        assert any(part.replace("_", "").removeprefix("cloud") in each.replace("cloud", "") for each in texts(services))


def test_the_job_of_the_day_is_told_where_tables_live(found):
    (job,) = [each for of, _, each in resources(found) if of == "google_cloud_run_v2_job"]
    (container,) = job["template"][0]["template"][0]["containers"]
    (told,) = container["dynamic"]
    assert "var.daily_warehouse" in told["env"]["for_each"]
    (name,) = {each["name"] for each in told["env"]["content"]}
    section, _, key = name.removeprefix("CLIENTAGE_").lower().partition("__")
    assert f"{section}.{key}" in settings.names()


def test_every_variable_is_in_the_readme(found):
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", readme, re.M)) == set(named(found["variable"]))

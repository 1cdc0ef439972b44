"""Links that open a new report of Looker Studio over the views of a dataset (its Linking API)."""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from clientage import forms
from clientage.cloud.bigquery import taken_apart
from clientage.cloud.views import views
from clientage.errors import SettingsError

CREATE = "https://lookerstudio.google.com/reporting/create"
REPORT = re.compile(r"[\w-]{8,64}", re.ASCII)


def links(address: str, *, name: str, template: str = "", billing: str = "") -> dict[str, str]:
    """A link for each view, by its name; with a template one for all of them, called `report`.

    A report that copies nothing begins with one source of data, as Looker Studio has it. A report that is copied keeps
    its charts, and each of its sources whose alias is the name of a view becomes that view.

    Args:
        address: As `bigquery://project/dataset`.
        name: Of the report.
        template: Id of a report to copy.
        billing: The project that pays for queries; that of the dataset when not given.

    Raises:
        SettingsError: An address, a report or a project cannot be one.
    """
    project, dataset = taken_apart(address)
    if template and not REPORT.fullmatch(template):
        raise SettingsError(
            "--template: no id of a report. It stands in the report's address, after /reporting/ and before the next /."
        )
    if billing and not re.fullmatch(forms.PROJECT, billing, re.ASCII):
        raise SettingsError(f"--billing: {billing} is no id of a project. Write it as `gcloud projects list` shows it.")
    paid = billing or project
    own = {view.name: _source(project, dataset, view.name, paid) for view in views()}
    if not template:
        return {
            view: _link({"c.mode": "edit", "r.reportName": f"{name}: {view}"} | _under("ds", source))
            for view, source in own.items()
        }
    every = {key: value for view, source in own.items() for key, value in _under(f"ds.{view}", source).items()}
    return {"report": _link({"c.reportId": template, "c.mode": "edit", "r.reportName": name} | every)}


def _source(project: str, dataset: str, view: str, billing: str) -> dict[str, str]:
    return {
        "connector": "bigQuery", "type": "TABLE", "datasourceName": view, "projectId": project, "datasetId": dataset,
        "tableId": view, "billingProjectId": billing,
    }  # fmt: skip


def _under(prefix: str, source: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}.{key}": value for key, value in source.items()}


def _link(parameters: Mapping[str, str]) -> str:
    return f"{CREATE}?{urlencode(parameters, quote_via=quote, safe='')}"

"""Dashboards to look at: made in this process, asked as a browser would, and walked through by one."""

import contextlib
import re

from clientage.dashboard.access import Access
from clientage.dashboard.app import Options, create_app
from clientage.dashboard.works import Actions, Works
from clientage.errors import GateError
from clientage.serving.guard import digest

MARKUP = '<img src=x onerror="document.title=1">&amp;<b>=1+1'
KEYS = {"viewer": "looks-only", "operator": "may-change"}
LET_IN = {digest(key): f"{role}:{role}-anna" for role, key in KEYS.items()}

VERSION = {
    "version": 2, "aliases": ["challenger"], "created": 1.7e9, "run": "",
    "tags": {"recipe": "behaviour", "segments": "5", "stability": "0.86", "r2": "0.24", "auc": "0.71"},
}  # fmt: skip
CHAMPION = VERSION | {"version": 1, "aliases": ["champion"]}
CHANGE = {
    "number": 1, "kind": "promotion", "version": 1, "previous": None, "time": 1.7e9, "user": "<b>anna</b>",
    "reason": "", "forced": False, "gate": ["passed  contract", "passed  steady"],
}  # fmt: skip


class Registry:
    """Stands in for the command: notes what it was asked for."""

    def __init__(self):
        self.asked, self.refuses = [], False

    def models(self):
        return {"versions": [VERSION, CHAMPION], "champions": [CHANGE]}

    def promote(self, version, reason, force, who):
        self.asked.append(("promote", version, reason, force, who))
        if self.refuses:
            raise GateError("version 2 does not pass the gate: steady.")
        return f"Version {version} is the champion now."

    def roll_back(self, reason, who):
        self.asked.append(("rollback", reason, who))
        return "Version 1 is the champion now."

    def works(self):
        return Works(Actions(self.models, self.promote, self.roll_back))


def made(source, *, keys=None, insecure=False, works=None, host="127.0.0.1", **options):
    """An application; keys by digest."""
    access = Access(host, keys or {}, insecure)
    return create_app(Options(source, works or Registry().works(), access, **options))


class Visitor:
    """Asks an application in this process as its own pages do."""

    def __init__(self, app):
        self.client = app.test_client()

    def get(self, path, **options):
        return self.client.get(path, **({"headers": {"Accept": "text/html"}} | options))

    def post(self, path, data, origin="http://localhost", **options):
        headers = {"Origin": origin} if origin else {}
        return self.client.post(path, data=data, headers=headers | options.pop("headers", {}), **options)

    def log_in(self, key, **changes):
        """Send the form of the login page, with changes."""
        token = re.search(r'name="token" value="([^"]+)"', self.get("/login").text)
        fields = {"token": token[1] if token else "", "key": key, "next": "/segments?segment=2"}
        return self.post("/login", fields | changes)

    def token(self):
        """What the page's own requests bring along."""
        self.get("/")
        cookie = self.client.get_cookie("clientage-token-8050")
        return cookie.value if cookie else ""

    def callback(self, output, inputs, state=(), token=None, origin="http://localhost", changed=None):
        """What one of Dash's callbacks answers.

        Args:
            output: As `id.property`; several with dots between, as Dash writes them.
            inputs: Values by `id.property`.
            state: The same of what stands beside.
            token: Of the session.
            origin: Where the request says it comes from.
            changed: What triggered it.
        """
        several = output.startswith("..")
        outputs = [_place(each) for each in output.strip(".").split("...")]
        body = {
            "output": output,
            "outputs": outputs if several else outputs[0],
            "inputs": [_place(name) | {"value": value} for name, value in inputs.items()],
            "state": [_place(name) | {"value": value} for name, value in dict(state).items()],
            "changedPropIds": [changed or next(iter(inputs))],
        }
        headers = {"X-Clientage-Token": self.token() if token is None else token} | (
            {"Origin": origin} if origin else {}
        )
        return self.client.post("/_dash-update-component", json=body, headers=headers)

    def page(self, path, search=""):
        """A page as its JSON text."""
        answer = self.callback("page.children", {"url.pathname": path, "url.search": search, "scheme.data": "light"})
        assert answer.status_code == 200, answer.text
        return answer.text


def _place(name):
    own, _, prop = name.rpartition(".")
    return {"id": own, "property": prop.partition("@")[0]}


class Pages:
    """Opens pages of a browser and notes errors, and requests to anywhere else."""

    def __init__(self, browser, ends):
        self._browser, self._ends = browser, ends
        self.wrong, self.elsewhere = [], []

    def open(self, address, width=1280, scheme="light", **context):
        """A page at an address."""
        viewport = {"width": width, "height": 900}
        own = self._browser.new_context(viewport=viewport, color_scheme=scheme, **context)
        self._ends.callback(own.close)
        page = own.new_page()
        page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda sent: self._note(sent.url, address))
        page.goto(address)
        return page

    def _note(self, url, address):
        if not url.startswith(("data:", "blob:", "/".join(address.split("/")[:3]) + "/")):
            self.elsewhere.append(url)


@contextlib.contextmanager
def pages_of(browser):
    """Pages that are closed at the end."""
    with contextlib.ExitStack() as ends:
        yield Pages(browser, ends)

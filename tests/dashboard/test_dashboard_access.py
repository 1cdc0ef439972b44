"""Who is let in, who may change something, and what is refused whatever is asked for."""

import re
import time

import pytest
from dashboards import KEYS, LET_IN, MARKUP, Registry, made
from hypothesis import given
from hypothesis import strategies as st

from clientage.dashboard import access
from clientage.dashboard.access import Access
from clientage.dashboard.app import HEADERS
from clientage.errors import SettingsError
from clientage.serving.guard import digest

LAYOUT = "/_dash-layout"
PAGE = {"url.pathname": "/", "url.search": "", "scheme.data": "light"}


def test_without_a_key_nothing_is_shown(visitor):
    anyone = visitor(keys=LET_IN)
    asked = anyone.get("/customers?text=1")
    assert asked.status_code == 302
    assert asked.headers["Location"] == "/login?next=/customers%3Ftext%3D1"
    for path in (LAYOUT, "/_dash-dependencies", "/export/customers.csv", "/_dash-component-suites/dash/deps/x.js"):
        assert anyone.client.get(path).status_code == 401, path
    assert anyone.callback("page.children", PAGE, token="").status_code == 401
    assert anyone.get("/login").status_code == 200
    assert anyone.get("/login-not").status_code == 302
    assert anyone.get("/assets/dashboard.css").status_code == 200


def test_a_key_opens_and_leads_back(visitor):
    anna = visitor(keys=LET_IN)
    assert anna.log_in("wrong").status_code == 401
    assert anna.client.get(LAYOUT).status_code == 401
    done = anna.log_in(KEYS["viewer"])
    assert (done.status_code, done.headers["Location"]) == (303, "/segments?segment=2")
    assert anna.client.get(LAYOUT).status_code == 200
    assert "Top" in anna.page("/segments")


def test_the_cookie_is_for_the_server_alone(visitor):
    cookies = visitor(keys=LET_IN, https=True).get("/login").headers.getlist("Set-Cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("clientage-8050="))
    assert {"HttpOnly", "SameSite=Lax", "Secure"} <= set(re.split("; ", session))


@pytest.mark.parametrize(
    ("fields", "origin"),
    [
        ({"token": ""}, "http://localhost"),
        ({"token": "made-up"}, "http://localhost"),
        ({}, "http://evil.example"),
        ({}, ""),
    ],
)
def test_a_login_from_elsewhere_is_refused(visitor, fields, origin):
    anna = visitor(keys=LET_IN)
    token = re.search(r'name="token" value="([^"]+)"', anna.get("/login").text)[1]
    sent = anna.post("/login", {"token": token, "key": KEYS["viewer"]} | fields, origin=origin)
    assert sent.status_code == 403
    assert anna.client.get(LAYOUT).status_code == 401


def test_trying_keys_is_slowed_down(visitor):
    anyone = visitor(keys=LET_IN)
    assert [anyone.log_in("wrong").status_code for _ in range(11)][-1] == 429
    assert anyone.log_in(KEYS["viewer"]).status_code == 429


def test_a_browser_keeps_programs_and_no_data(visitor):
    anyone = visitor()
    plotly = "/_dash-component-suites/plotly/package_data/plotly.min.js"
    first = anyone.get(plotly)
    assert first.headers["Cache-Control"] == "no-cache"
    assert anyone.get(plotly, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert anyone.get("/assets/dashboard.css").headers["Cache-Control"] == "no-cache"
    for path in ("/", "/login", LAYOUT, "/export/customers.csv"):
        assert anyone.get(path).headers["Cache-Control"] == "no-store", path
    assert anyone.callback("page.children", PAGE).headers["Cache-Control"] == "no-store"


def test_who_logs_out_is_out(visitor):
    anna = visitor(keys=LET_IN)
    anna.log_in(KEYS["viewer"])
    assert anna.post("/logout", {"token": "made-up"}).status_code == 403
    assert anna.client.get(LAYOUT).status_code == 200
    assert anna.post("/logout", {"token": anna.token()}).status_code == 303
    assert anna.client.get(LAYOUT).status_code == 401


def test_a_session_ends_with_its_key(source):
    secret = b"s" * 32
    first = made(source, keys=LET_IN, secret=secret).test_client()
    with first.session_transaction() as session:
        session["key"], session["since"] = digest(digest(KEYS["viewer"])), int(time.time())
    kept = first.get_cookie("clientage-8050").value
    for keys, status in ((LET_IN, 200), ({digest("other"): "viewer:bert"}, 401)):
        later = made(source, keys=keys, secret=secret).test_client()
        later.set_cookie("clientage-8050", kept)
        assert later.get(LAYOUT).status_code == status


def test_a_login_ends_however_often_pages_are_looked_at(visitor, monkeypatch):
    anna, now = visitor(keys=LET_IN), time.time()
    anna.log_in(KEYS["viewer"])
    for hours, status in ((6, 200), (11.9, 200), (12.1, 401), (-1, 401)):
        monkeypatch.setattr(access.time, "time", lambda hours=hours: now + hours * 3600)
        assert anna.client.get(LAYOUT).status_code == status


def test_a_session_that_we_did_not_sign_is_none(source):
    forged = made(source, keys=LET_IN, secret=b"x" * 32).test_client()
    with forged.session_transaction() as session:
        session["key"], session["since"] = digest(digest(KEYS["operator"])), int(time.time())
    visitor = made(source, keys=LET_IN, secret=b"s" * 32).test_client()
    visitor.set_cookie("clientage-8050", forged.get_cookie("clientage-8050").value)
    assert visitor.get(LAYOUT).status_code == 401


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"token": "made-up"}, 403),
        ({"token": ""}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": ""}, 403),
        ({}, 200),
    ],
)
def test_callbacks_answer_our_own_page_alone(visitor, options, status):
    assert visitor().callback("page.children", PAGE, **options).status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1:8050", 200),
        ("[::1]:8050", 200),
        ("shop.example", 403),
        ("127.0.0.1.evil.example", 403),
    ],
)
def test_without_keys_only_names_of_this_machine_are_answered(visitor, host, status):
    assert visitor().get("/", headers={"Host": host}).status_code == status


def test_with_keys_any_name_is_answered(visitor):
    assert visitor(keys=LET_IN).get("/login", headers={"Host": "shop.example"}).status_code == 200


@pytest.mark.parametrize(
    ("given", "key", "may"),
    [
        ({}, None, True),
        ({"insecure": True}, None, False),
        ({"keys": LET_IN}, KEYS["viewer"], False),
        ({"keys": LET_IN}, KEYS["operator"], True),
    ],
)
def test_only_operators_change_something(visitor, given, key, may):
    registry = Registry()
    somebody = visitor(works=registry.works(), **given)
    if key:
        somebody.log_in(key)
    output = promote_output(somebody)
    answer = somebody.callback(
        output,
        {"promote.submit_n_clicks": 1, "rollback.submit_n_clicks": None},
        {"version.value": "2", "reason.value": "", "force.checked": False},
    )
    assert answer.status_code == 200, answer.text
    assert ("This is for operators" in answer.text) is not may
    assert ("Change the champion" in somebody.page("/models")) is may


def promote_output(somebody):
    """The name that Dash gave to what the buttons change."""
    every = somebody.client.get("/_dash-dependencies").json
    return next(each["output"] for each in every if "answer.children" in each["output"])


@given(
    st.text() | st.sampled_from(["//evil.example", "/\\evil.example", "https://evil.example", "/ok?x=1", "/%0d%0aX: y"])
)
def test_a_login_never_leads_elsewhere(wanted):
    to = access.landing(wanted)
    assert to.startswith("/")
    assert not to.startswith(("//", "/\\"))
    assert "\\" not in to
    assert "\n" not in to
    assert "\r" not in to


def test_every_answer_says_what_a_page_may_do(visitor):
    anyone = visitor(keys=LET_IN)
    for path in ("/", "/login", "/nowhere", "/assets/dashboard.js", LAYOUT):
        headers = anyone.get(path).headers
        assert {name: headers[name] for name in HEADERS} == HEADERS
        policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert "unsafe" not in policy["script-src"]


def test_a_fault_of_ours_shows_no_trace(visitor, monkeypatch):
    def fails(_):
        raise ZeroDivisionError(MARKUP)

    monkeypatch.setattr("clientage.dashboard.app.shown", lambda *_: fails(0))
    told = visitor().page("/")
    assert "Something went wrong" in told
    assert "ZeroDivision" not in told
    assert "onerror" not in told


def test_a_request_that_makes_no_sense_is_answered_in_a_sentence(visitor, capfd):
    somebody = visitor()
    answer = somebody.callback("nothing.children", {"nothing.value": MARKUP})
    assert (answer.status_code, answer.text) == (500, "Something went wrong here.\n")
    headers = {"Origin": "http://localhost", "X-Clientage-Token": somebody.token()}
    assert somebody.client.post("/_dash-update-component", data="{", headers=headers).status_code in (400, 415)
    said = capfd.readouterr().err
    assert '"error":"KeyError"' in said
    assert "onerror" not in said
    assert "Traceback" not in said


def test_keys_come_from_the_environment(monkeypatch):
    key, entry = access.new_entry("anna", "operator")
    monkeypatch.setenv(access.KEYS, f"viewer:bert:{digest('b')}, {entry}")
    given = Access.of_environment("0.0.0.0", insecure=False)
    assert given.keys == {digest("b"): "viewer:bert", digest(key): "operator:anna"}


@pytest.mark.parametrize("entry", ["anna", f"anna:{digest('a')}", f"owner:anna:{digest('a')}", "viewer:anna:hunter2"])
def test_an_entry_that_is_none_is_not_repeated(monkeypatch, entry):
    monkeypatch.setenv(access.KEYS, f"viewer:bert:{digest('b')},{entry}")
    with pytest.raises(SettingsError, match="entry 2 is not ROLE:NAME:DIGEST") as refused:
        Access.of_environment("127.0.0.1", insecure=False)
    assert "anna" not in str(refused.value)


@pytest.mark.parametrize(("name", "role"), [("anna", "owner"), ("an na", "viewer"), ("a:b", "viewer")])
def test_a_key_has_a_plain_name_and_a_role(name, role):
    with pytest.raises(SettingsError):
        access.new_entry(name, role)


def test_others_are_let_in_with_keys_alone(monkeypatch):
    monkeypatch.delenv(access.KEYS, raising=False)
    with pytest.raises(SettingsError, match=r"0\.0\.0\.0 is open to others, and there are no keys"):
        Access.of_environment("0.0.0.0", insecure=False)
    assert Access.of_environment("0.0.0.0", insecure=True).person().role == "viewer"
    assert Access.of_environment("127.0.0.1", insecure=False).person().role == "operator"


def test_a_secret_is_long_or_made_up(monkeypatch):
    monkeypatch.delenv(access.SECRET, raising=False)
    assert access.secret() != access.secret()
    monkeypatch.setenv(access.SECRET, "s" * 32)
    assert access.secret() == b"s" * 32
    monkeypatch.setenv(access.SECRET, "short")
    with pytest.raises(SettingsError, match="too short"):
        access.secret()

"""What lets a request into Cloud Run, by Google's own library, for each kind of login."""

import base64
import json
from types import SimpleNamespace
from urllib.parse import parse_qs

import google.auth
import pytest
from google.auth import exceptions, iam, impersonated_credentials
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import credentials, id_token
from listeners import Listener

from clientage.cloud import run
from clientage.cloud.clients import ENDPOINT, Google
from clientage.cloud.run import Service
from clientage.errors import CloudError

ACCOUNT = "clientage-deploy@our-shop.iam.gserviceaccount.com"
SERVICE = Service("projects/our-shop/locations/europe-west1/services/clientage", "https://clientage.a.run.app")
PARTS = (b"{}", json.dumps({"iat": 1, "exp": 2_000_000_000}).encode(), b"-")
IDENTITY = ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in PARTS)


def asked():
    return run.token(Google("our-shop", "europe-west1"), SERVICE)


@pytest.fixture
def iam_service(monkeypatch):
    """The services behind a login, on this machine; what they were asked, and whether a token of identity is made."""
    found = SimpleNamespace(asked=[], makes=True)

    def answer(method, path, body, headers):
        bearer = {name.lower(): value for name, value in headers.items()}.get("authorization", "")
        found.asked.append((path, bearer, body.decode()))
        if path == "/sts":
            value = {"access_token": "federated", "token_type": "Bearer", "expires_in": 3600,
                     "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}  # fmt: skip
        elif path.endswith(":generateAccessToken"):
            value = {"accessToken": "of the account", "expireTime": "2040-01-01T00:00:00Z"}
        elif path.endswith(":generateIdToken") and found.makes:
            value = {"token": IDENTITY}
        else:
            return 403, {"Content-Type": "application/json"}, b'{"error": {"message": "getOpenIdToken denied"}}'
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()

    listener = Listener(answer)
    found.address = listener.address
    monkeypatch.delenv(ENDPOINT, raising=False)
    monkeypatch.setattr(iam, "_IAM_IDTOKEN_ENDPOINT", f"{listener.address}/v1/{{}}:generateIdToken")
    yield found
    listener.close()


@pytest.fixture
def github(iam_service, tmp_path, monkeypatch):
    """The login that the action of Google's leaves on GitHub; a function of whether it acts for an account."""

    def comes_in(acts=True):
        (tmp_path / "token").write_text("of GitHub")
        given = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/pools/github",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{iam_service.address}/sts",
            "credential_source": {"file": str(tmp_path / "token")},
        }
        acting = f"{iam_service.address}/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"
        given |= {"service_account_impersonation_url": acting} if acts else {}
        (tmp_path / "login.json").write_text(json.dumps(given))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "login.json"))
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        return iam_service

    return comes_in


def test_github_is_let_in_as_the_account_that_it_acts_for(github):
    found = github()
    assert asked() == IDENTITY
    path, bearer, body = found.asked[-1]
    assert (path, bearer) == (f"/v1/{ACCOUNT}:generateIdToken", "Bearer of the account")
    assert json.loads(body) == {"audience": SERVICE.address, "delegates": None, "includeEmail": True}
    assert parse_qs(found.asked[0][2])["subject_token"] == ["of GitHub"]


def test_an_account_that_may_not_is_told_its_role(github):
    github().makes = False
    with pytest.raises(CloudError, match=r"no identity token of clientage-deploy.*OpenIdTokenCreator on it") as caught:
        asked()
    assert caught.value.kind == "no permission"
    assert "getOpenIdToken denied" in str(caught.value)


def test_who_acts_for_no_account_is_told(github, monkeypatch):
    github(acts=False)
    none = exceptions.DefaultCredentialsError("none")
    monkeypatch.setattr(id_token, "fetch_id_token", lambda *_: (_ for _ in ()).throw(none))
    with pytest.raises(CloudError, match=r"the login has no identity token.* let workload identity act for one"):
        asked()


def test_a_person_is_let_in_by_the_login_and_one_who_acts_for_an_account_as_that(iam_service, monkeypatch):
    none = exceptions.DefaultCredentialsError("none")
    monkeypatch.setattr(id_token, "fetch_id_token", lambda *_: (_ for _ in ()).throw(none))
    person = credentials.Credentials("token", id_token="of the person")
    monkeypatch.setattr(credentials.Credentials, "refresh", lambda self, request: None)
    monkeypatch.setattr(google.auth, "default", lambda scopes: (person, None))
    assert asked() == "of the person"
    acting = impersonated_credentials.Credentials(AnonymousCredentials(), ACCOUNT, [])
    monkeypatch.setattr(google.auth, "default", lambda scopes: (acting, None))
    assert asked() == IDENTITY


def test_a_login_that_has_run_out_is_no_role_that_is_missing(iam_service, monkeypatch):
    error = exceptions.RefreshError("invalid_grant: Bad Request")
    monkeypatch.setattr(credentials.Credentials, "refresh", lambda self, request: (_ for _ in ()).throw(error))
    acting = impersonated_credentials.Credentials(credentials.Credentials(None), ACCOUNT, [])
    monkeypatch.setattr(google.auth, "default", lambda scopes: (acting, None))
    with pytest.raises(CloudError, match=r"there are no credentials of Google Cloud. Log in"):
        asked()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (exceptions.RefreshError("Reauthentication is needed"), "there are no credentials of Google Cloud. Log in"),
        (exceptions.TransportError("away"), "Google's login cannot be reached"),
    ],
)
def test_a_login_that_fails_is_a_sentence(iam_service, monkeypatch, error, said):
    monkeypatch.setattr(google.auth, "default", lambda scopes: (_ for _ in ()).throw(error))
    with pytest.raises(CloudError, match=said) as caught:
        asked()
    assert str(caught.value).startswith("our-shop/europe-west1: a way into clientage: ")

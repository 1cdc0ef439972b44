"""Identity tokens: what lets a request into a service that asks who comes, whatever login this machine has."""

from typing import Any

from clientage.cloud.clients import SCOPES, credentials
from clientage.errors import CloudError

ROLE = "roles/iam.serviceAccountOpenIdTokenCreator"


def token(audience: str) -> str:
    """An identity token of this machine's login.

    Google's library fetches those of keys and of its own machines. Workload identity, by which GitHub comes in, and a
    person who acts for an account have theirs made by IAM; the login of a person brings one along.

    Args:
        audience: Address of the service that is to let it in.

    Raises:
        CloudError: The login has none, or may not make one.
        GoogleAuthError: There are no credentials.
    """
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415
    from google.auth.transport.requests import Request  # noqa: PLC0415
    from google.oauth2 import id_token  # noqa: PLC0415

    mine, request = credentials(), Request()
    if account := _acts_for(mine):
        return _made(account, audience, request)
    try:
        return str(id_token.fetch_id_token(request, audience))  # type: ignore[no-untyped-call]
    except DefaultCredentialsError:
        mine.refresh(request)
    if found := getattr(mine, "id_token", None):
        return str(found)
    raise CloudError(
        f"{audience}: the login has no identity token, which Cloud Run asks for. Log in with `gcloud auth "
        "application-default login`, run as a service account, or let workload identity act for one.",
        "no credentials",
    )


def _acts_for(mine: Any) -> Any:
    """The account that the login acts for, as credentials; None where it acts for itself."""
    from google.auth import external_account, impersonated_credentials  # noqa: PLC0415

    if isinstance(mine, impersonated_credentials.Credentials):
        return mine
    if not isinstance(mine, external_account.Credentials) or not mine.service_account_email:
        return None
    return impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
        source_credentials=mine, target_principal=mine.service_account_email, target_scopes=list(SCOPES)
    )


def _made(account: Any, audience: str, request: Any) -> str:
    """A token of an account, made by IAM.

    Who acts for it logs in before: a login that has run out is no role that is missing.
    """
    from google.auth.exceptions import RefreshError  # noqa: PLC0415
    from google.auth.impersonated_credentials import IDTokenCredentials  # noqa: PLC0415

    if not (source := account._source_credentials).valid:  # as Google's library keeps it, and says it nowhere else
        source.refresh(request)
    identity: Any = IDTokenCredentials(account, target_audience=audience, include_email=True)  # type: ignore[no-untyped-call]
    try:
        identity.refresh(request)
    except RefreshError as error:
        raise CloudError(
            f"{audience}: IAM makes no identity token of {account.service_account_email}. Grant {ROLE} on it to itself "
            f"and to who acts for it. It says: {' '.join(str(error).split())[:300]}",
            "no permission",
        ) from error
    return str(identity.token)

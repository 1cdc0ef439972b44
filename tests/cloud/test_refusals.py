"""What Google refuses, whatever service it is: a sentence with the mend, and no data where it may hold some."""

import json

import pytest
import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from clientage.cloud.bigquery import Dataset
from clientage.cloud.refusals import Service, explained
from clientage.errors import CloudError, SinkError

SERVICE = Service("Thing", "thing.googleapis.com", "our-shop", "may not. Grant it roles/thing.", "not there. Make it.")
QUIET = Service(
    "Thing", "t", "our-shop", "may not. Grant it.", "not there.", again="they will be sent again", quiet=True
)


def answer(reason):
    """An answer to an upload: what was wrong stands in it alone."""
    found = requests.Response()
    found._content = json.dumps({"error": {"errors": [{"reason": reason}]}}).encode()
    return found


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (auth.DefaultCredentialsError("x"), "no credentials", "gcloud auth application-default login"),
        (auth.TransportError("x"), "away", "Google's login cannot be reached"),
        (api.Forbidden("Permission 'a.b.create' denied"), "no permission", r"may not \(a.b.create\). Grant it roles/t"),
        (api.Forbidden("no", errors=[{"reason": "quotaExceeded"}]), "quota", "a quota of Thing is used up"),
        (api.TooManyRequests("slow"), "quota", "and do it again. It says: slow"),
        (api.RetryError("x", api.TooManyRequests("slow")), "quota", "a quota of Thing is used up"),
        (api.RetryError("x", api.BadGateway("slow")), "away", "Thing does not answer"),
        (api.Forbidden("no", errors=[{"reason": "billingNotEnabled"}]), "billing", "Link one to our-shop"),
        (api.Forbidden("no", response=answer("dailyLimitExceeded")), "quota", "a quota of Thing is used up"),
        (api.Forbidden("no", response=answer("accountDisabled")), "billing", "Link one to our-shop"),
        (api.NotFound("x"), "not found", "place: not there. Make it."),
        (api.ServiceUnavailable("x"), "away", "Thing does not answer. Mend the network, or do it again later. It says"),
        (requests.ConnectionError("x"), "away", "Thing does not answer"),
        (
            api.BadRequest("400 POST https://x/y: bad field"),
            "BadRequest",
            r"refuses \(BadRequest\). It says: bad field",
        ),
    ],
)
def test_each_kind_has_its_sentence(error, kind, said):
    with pytest.raises(CloudError, match=said) as caught, explained("place", SERVICE):
        raise error
    assert caught.value.kind == kind


@pytest.mark.parametrize("error", [api.BadRequest("secret"), api.TooManyRequests("secret"), api.BadGateway("secret")])
def test_what_may_hold_data_is_kept_back(error):
    with pytest.raises(SinkError) as caught, explained("place", QUIET, SinkError):
        raise error
    assert "secret" not in str(caught.value)


def test_other_errors_are_left_alone():
    with pytest.raises(KeyError), explained("place", SERVICE):
        raise KeyError("x")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (api.PermissionDenied("'bigquery.readsessions.create'", errors=[object()]), "roles/bigquery.readSessionUser"),
        (api.PermissionDenied("'bigquery.tables.getData'", errors=[object()]), "roles/bigquery.dataEditor"),
        (api.ResourceExhausted("slow", errors=[object()]), "a quota of BigQuery is used up"),
        (api.InvalidArgument("secret", errors=[object()]), r"BigQuery refuses \(InvalidArgument\)"),
    ],
)
def test_what_comes_by_grpc_is_told_like_all_else(error, said):
    """Its details are objects of gRPC, not dictionaries."""
    with pytest.raises(SinkError, match=said) as told, Dataset("bigquery://our-shop/shop").explained():
        raise error
    assert "secret" not in str(told.value)

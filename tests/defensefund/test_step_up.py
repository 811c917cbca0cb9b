import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from defensefund.models import Authenticator
from defensefund.step_up import PROVED_AT
from tests.factories import code_of, log_in, make_user

pytestmark = pytest.mark.django_db

PASSWORD = "a long test password"
CODES = "/admin/second-factor/codes/"
REPLACE = "/admin/second-factor/replace/"


@pytest.fixture
def stale(client):
    """Logged in, with the last proof six minutes old."""
    log_in(client, make_user("ana"))
    set_proof(client, time.time() - 360)
    return client


def set_proof(client, instant):
    session = client.session
    session[PROVED_AT] = instant
    session.save()


def asks(response):
    return response.status_code == 200 and "Is it you?" in response.content.decode()


def test_asks_when_the_proof_is_old(stale):
    assert asks(stale.get(REPLACE))
    assert asks(stale.post(CODES))
    assert not Authenticator.objects.filter(confirmed=False).exists()


def test_asks_when_there_never_was_a_proof_or_it_lies_in_the_future(stale):
    set_proof(stale, None)
    assert asks(stale.get(REPLACE))
    set_proof(stale, time.time() + 3600)
    assert asks(stale.get(REPLACE))


def test_password_opens_the_page_for_five_minutes(stale):
    response = stale.post(REPLACE, {"proof": PASSWORD})

    assert (response.status_code, response["Location"]) == (302, REPLACE)
    assert not asks(stale.get(REPLACE))
    set_proof(stale, time.time() - 301)
    assert asks(stale.get(REPLACE))


def test_code_of_the_app_opens_too_and_only_once(stale):
    code = code_of(Authenticator.objects.get())
    assert stale.post(REPLACE, {"proof": f"{code[:3]} {code[3:]}"}).status_code == 302
    set_proof(stale, 0)

    assert asks(stale.post(REPLACE, {"proof": code}))


@pytest.mark.parametrize("proof", ["", "wrong password", "000000", " " + PASSWORD])
def test_wrong_proof_opens_nothing(stale, proof):
    assert asks(stale.post(CODES, {"proof": proof, "proof_resumes": "1"}))
    assert asks(stale.post(CODES))


def test_wrong_proofs_lock_out(stale):
    statuses = [stale.post(CODES, {"proof": "wrong password"}).status_code for _ in range(6)]

    assert statuses == [200] * 5 + [429]
    assert stale.post(CODES, {"proof": PASSWORD}).status_code == 429
    code = code_of(Authenticator.objects.get())
    assert stale.post(CODES, {"proof": code}).status_code == 429


def test_what_was_typed_is_carried_through_and_reaches_the_view(stale):
    asked = stale.post(CODES, {"note": ['a "b" <c>', "d"], "amount": "10"})
    carried = [*asked.context["carried"], ("proof_resumes", "1")]
    assert 'value="a &quot;b&quot; &lt;c&gt;"' in asked.content.decode()

    wrong = stale.post(CODES, {"note": ['a "b" <c>', "d"], "proof": "x", "proof_resumes": "1"})
    assert wrong.context["carried"] == [("note", 'a "b" <c>'), ("note", "d")]
    assert wrong.context["resumes"]

    done = stale.post(CODES, {**dict(carried), "proof": PASSWORD})
    assert done.content.decode().count("<code>") == 10
    assert carried == [
        ("note", 'a "b" <c>'),
        ("note", "d"),
        ("amount", "10"),
        ("proof_resumes", "1"),
    ]


def test_password_is_not_sent_back_to_the_browser(stale):
    page = stale.post(CODES, {"proof": "typed wrong", "proof_resumes": "1"}).content.decode()

    assert "typed wrong" not in page


def test_says_when_a_file_has_to_be_chosen_again(stale):
    response = stale.post(CODES, {"bill": SimpleUploadedFile("bill.pdf", b"%PDF")})

    assert "choose it again" in response.content.decode()


def test_proof_of_another_person_is_none(stale):
    make_user("berta").set_password("another long password")

    assert asks(stale.post(CODES, {"proof": "another long password"}))


def test_sample_account_of_the_demonstration_proves_by_password(client, settings):
    settings.EMBEDDED = True
    client.defaults |= {"HTTP_HOST": "127.0.0.1:8000", "REMOTE_ADDR": "127.0.0.1"}
    client.force_login(make_user("treasurer"), backend="defensefund.rights.RightsBackend")
    assert asks(client.post(CODES, {"proof": "123456"}))

    assert client.post(REPLACE, {"proof": PASSWORD})["Location"] == REPLACE

"""What the office's pages share: how they are headed, how they tell the time, and where they do not lead."""

from datetime import UTC, date, datetime

import pytest
from django.test import Client
from django.utils.formats import date_format
from django.utils.translation import override

from appeals import consent
from defensefund.templatetags.formats import moment, plain_day
from tests import factories
from tests.appeals.factories import make_update
from tests.factories import NOW, log_in, make_user

pytestmark = pytest.mark.django_db


def read(client, path):
    page = client.get(path)
    assert page.status_code == 200, path
    return page.content.decode()


def test_list_is_headed_by_what_it_lists():
    client = log_in(Client(headers={"accept-language": "en"}), make_user("tess", "treasurer"))

    assert "<h1>Legal costs</h1>" in read(client, "/admin/donations/legalcost/")
    assert "<h1>Ways to give</h1>" in read(client, "/admin/donations/paymentpause/")


def test_people_are_named_without_a_way_to_their_accounts():
    """The account of somebody else is for superusers: for all others the link would end at a refusal."""
    omar = make_user("omar", "organizer")
    ana = factories.make_defendant()
    consent.record(
        defendant=ana, source="signed", evidence="Folder 1", given_on=date(2026, 1, 1), expires_on=None,
        has_name=True, has_charge=False, by=omar, at=NOW,
    )  # fmt: skip
    update = make_update(factories.make_appeal(by=omar), by=omar)
    client = log_in(Client(headers={"accept-language": "en"}), omar)

    for path in (f"defendant/{ana.pk}", f"update/{update.pk}"):
        page = read(client, f"/admin/appeals/{path}/change/")
        assert "omar" in page.split('id="content"')[1]
        assert "/admin/auth/user/" not in page


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "November 24, 2026, 00:00 UTC"),
        ("es", "24 de noviembre de 2026, 00:00 UTC"),
        ("fr", "24 novembre 2026, 00:00 UTC"),
    ],
)
def test_rows_write_days_and_moments_as_our_own_pages(language, written):
    at = datetime(2026, 11, 24, tzinfo=UTC)
    with override(language):
        assert date_format(at, "DATETIME_FORMAT") == written
        assert f">{written}</time>" in moment(at)
        assert date_format(at, "DATE_FORMAT") == plain_day(at)

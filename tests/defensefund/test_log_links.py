import logging

from django.conf import settings

from defensefund.log_links import WithoutLinks
from donations.tokens import gift_path
from tests import factories


def said(message, *args):
    record = logging.LogRecord("django.request", logging.ERROR, "", 0, message, args, None)
    assert WithoutLinks().filter(record)
    return record.getMessage()


def test_failed_request_is_logged_without_its_private_link(db):
    path = f"{gift_path(factories.make_pledge())}pay/"

    assert said("%s: %s", "Service Unavailable", path) == "Service Unavailable: /es/gift/…/pay/"
    assert "links" in settings.LOGGING["handlers"]["console"]["filters"]


def test_other_lines_stay_as_they_are():
    line = "Internal Server Error: /admin/donations/account/reports/ of stripe:txn_18ec66ed6c35b755a01cde632b9e"

    assert said("%s of %s", *line.split(" of ")) == line

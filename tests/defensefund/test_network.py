import pytest
from django.test import RequestFactory

from defensefund.network import address_of, is_on_this_machine, network_of


def asked(**meta):
    return RequestFactory().get("/", **meta)


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.77", "192.0.2.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::ffff:192.0.2.77", "192.0.2.0"),
        ("fe80::1%eth0", "fe80::"),
        ("", "0.0.0.0"),
        ("unix:", "0.0.0.0"),
    ],
)
def test_network_of(peer, network):
    assert network_of(asked(REMOTE_ADDR=peer)) == network


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "unknown", "10.0.0.1"),
    ],
)
def test_address_is_read_from_our_proxies_only(settings, proxies, forwarded, address):
    settings.TRUSTED_PROXIES = proxies

    request = asked(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)

    assert address_of(request) == address


def test_is_on_this_machine():
    assert is_on_this_machine(asked(REMOTE_ADDR="127.0.0.1", HTTP_HOST="127.0.0.1:8000"))
    assert not is_on_this_machine(asked(REMOTE_ADDR="127.0.0.1", HTTP_HOST="fund.example"))
    assert not is_on_this_machine(asked(REMOTE_ADDR="192.0.2.1", HTTP_HOST="127.0.0.1"))

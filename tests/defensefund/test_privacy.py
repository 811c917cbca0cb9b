import base64
import hmac

import pytest

from defensefund import privacy
from defensefund.privacy import Undecipherable


def key(byte):
    return base64.urlsafe_b64encode(bytes([byte]) * 32).decode()


def test_encrypt_gives_another_ciphertext_each_time_and_reads_back(settings):
    settings.FIELD_KEYS = [key(1)]

    first, second = privacy.encrypt("Rosa", context="a"), privacy.encrypt("Rosa", context="a")

    assert first != second
    assert "Rosa" not in first
    assert privacy.decrypt(first, context="a") == privacy.decrypt(second, context="a") == "Rosa"


def test_decrypt_reads_with_an_old_key_after_rotation(settings):
    settings.FIELD_KEYS = [key(1)]
    old = privacy.encrypt("Rosa")
    settings.FIELD_KEYS = [key(2), key(1)]

    new = privacy.encrypt("Rosa")

    assert privacy.decrypt(old) == privacy.decrypt(new) == "Rosa"
    assert old.split(":")[0] != new.split(":")[0]


def test_decrypt_refuses_without_the_key(settings):
    settings.FIELD_KEYS = [key(1)]
    sealed = privacy.encrypt("Rosa")
    settings.FIELD_KEYS = [key(2)]

    with pytest.raises(Undecipherable):
        privacy.decrypt(sealed)


def test_decrypt_refuses_a_value_moved_to_another_field(settings):
    settings.FIELD_KEYS = [key(1)]
    sealed = privacy.encrypt("Rosa", context="supporter.email")

    with pytest.raises(Undecipherable):
        privacy.decrypt(sealed, context="supporter.name")


def test_keyed_hash_ignores_case_and_depends_on_key_and_purpose(settings):
    settings.SECRET_KEY = "one"
    first = privacy.keyed_hash("Rosa@Example.org ", purpose="email")
    assert first == privacy.keyed_hash("rosa@example.org", purpose="email")
    assert first != privacy.keyed_hash("rosa@example.org", purpose="account")
    settings.SECRET_KEY = "two"
    assert first != privacy.keyed_hash("rosa@example.org", purpose="email")


@pytest.mark.parametrize("length", [0, 1, 32, 63, 64])
def test_hmac_sha256_is_the_standard_one(length):
    key = bytes(range(length))
    digest = privacy.hmac_sha256(key)

    for message in (b"", b"RF89", bytes(1000)):
        assert digest(message) == hmac.digest(key, message, "sha256")


def test_hmac_sha256_refuses_a_longer_key():
    with pytest.raises(ValueError, match="longer than a block"):
        privacy.hmac_sha256(bytes(65))

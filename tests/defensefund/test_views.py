import pytest
from django.db import connection


@pytest.mark.django_db
def test_healthz_answers_ok_without_a_cookie(client):
    response = client.get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok\n")
    assert not response.cookies
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_healthz_costs_one_query(client, django_assert_num_queries):
    with django_assert_num_queries(1):
        client.get("/healthz")


@pytest.mark.django_db(transaction=True)
def test_healthz_says_when_the_database_does_not_answer(client, monkeypatch):
    connection.close()
    connection.close_pool()
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    monkeypatch.setitem(connection.settings_dict["OPTIONS"]["pool"], "timeout", 0.5)

    response = client.get("/healthz")

    connection.close_pool()  # the next test gets one that leads somewhere
    assert (response.status_code, response.content) == (503, b"the database does not answer\n")

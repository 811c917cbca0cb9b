import pytest

from tests import factories


@pytest.fixture
def fund(db):
    """A fund and a bank account, a case with a defendant: all a spreadsheet can name."""
    fund = factories.make_fund(code="general")
    factories.make_bank_account(code="bank-eur")
    case = factories.make_case(slug="case-one")
    factories.make_defendant(cases=[case], key="person-1")
    return fund

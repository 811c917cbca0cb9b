"""What every page may show about the site itself."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    return {
        "fund_name": settings.FUND_NAME,
        "is_sandbox": settings.STRIPE_SANDBOX,
        "is_demo": settings.EMBEDDED,
    }

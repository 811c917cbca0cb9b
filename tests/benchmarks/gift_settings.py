from defensefund.settings import *  # noqa: F403  all of them, but for the one below

WSGI_APPLICATION = "tests.benchmarks.gift_site.application"

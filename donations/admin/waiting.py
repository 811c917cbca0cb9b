"""Rows that wait for somebody, where it takes more than one table to say so."""

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from appeals.models import Appeal

from ..models import Account, Fund, FundCover, StaffAccount


def nobody_asked(accounts: QuerySet[Account]) -> QuerySet[Fund]:
    """The funds of frozen `accounts` for which nothing is to be approved yet."""
    asked = FundCover.objects.undecided().filter(
        target=OuterRef("fund"), currency=OuterRef("currency")
    )
    return Fund.objects.filter(Exists(accounts.filter(fund=OuterRef("pk")).exclude(Exists(asked))))


def takes_no_gifts(_user: User) -> QuerySet[Appeal]:
    """The public appeals, not over yet, whose supporters find no fund to give to."""
    today = timezone.now().date()
    running = Appeal.objects.published().exclude(ends_on__lt=today)
    return running.exclude(Exists(Fund.objects.offered_for(OuterRef("pk"))))


def who_said_nothing(user: User) -> QuerySet[User]:
    """`user` alone, as long as they have not said which account is theirs, nor that they have none."""
    said = StaffAccount.objects.standing().filter(user=OuterRef("pk"))
    return User.objects.filter(pk=user.pk).exclude(Exists(said))

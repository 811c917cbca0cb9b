"""What the fund pays for and how it decides: rules as data, in versions that two people enact and nobody changes afterwards."""

import json
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection, models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .fund import Fund
from .uma import CURRENCY as UMA_CURRENCY

if TYPE_CHECKING:
    from .legal_cost import LegalCost
    from .policy_rules import PolicyCap, PolicyKind, PolicyLimit, PolicyText

# As supporters read them.
FUND_WORDS = {
    Fund.Kind.DEFENDANT: _("the defendant's own fund"),
    Fund.Kind.CASE: _("the fund of the case"),
    Fund.Kind.APPEAL: _("the fund of the appeal"),
    Fund.Kind.GENERAL: _("the general fund"),
}


class PolicyQuerySet(models.QuerySet["Policy"]):
    def enacted(self) -> "PolicyQuerySet":
        return self.filter(enacted_at__isnull=False)

    def drafts(self) -> "PolicyQuerySet":
        return self.filter(enacted_at=None)

    def with_rules(self) -> "PolicyQuerySet":
        return self.prefetch_related(*Policy.RULES)

    def before(self, row: "Policy") -> "Policy | None":
        """The version enacted last before `row`, or last of all where `row` is a draft."""
        earlier = self.enacted().order_by("-version")
        return (earlier.filter(version__lt=row.version) if row.is_enacted else earlier).first()

    def in_force(self, *, on: date) -> "Policy | None":
        """The version in force on a day; None as long as none was enacted.

        The same choice as donations_policy_in_force() in the database: the newest day of entry, and of one day the
        newest version.
        """
        return (
            self.enacted()
            .filter(in_force_from__lte=on)
            .order_by("-in_force_from", "-version")
            .first()
        )


def narrowest_first() -> list[str]:
    return [str(kind) for kind in Fund.NARROWEST_FIRST]


def usual_surplus_order() -> list[str]:
    """Without the partner, who has to be named first."""
    return [str(Policy.Surplus.APPEAL), str(Policy.Surplus.OTHERS)]


def all_exclusions() -> list[str]:
    return [str(exclusion) for exclusion in Policy.Exclusion]


class Policy(models.Model):
    """One version of the fund's rules: a draft, or enacted. Gifts and costs keep the version they were given or recorded under."""

    # What its rules are kept in beside it.
    RULES = ("kinds", "caps", "limits", "texts")

    class Surplus(models.TextChoices):
        """Where money goes that its purpose no longer needs."""

        APPEAL = "appeal", _("other defendants of the same appeal")
        OTHERS = "others", _("defendants in other cases")
        PARTNER = "partner", _("the partner named here")

    class Exclusion(models.TextChoices):
        CAMPAIGNING = "campaigning", _("campaigning")
        WEAPONS = "weapons", _("weapons")
        SALARIES = "salaries", _("salaries of organizers")
        PARTY_DEBTS = "party", _("debts of political parties")
        UNDOCUMENTED = "undocumented", _("anything without a document")

    version = models.PositiveIntegerField(
        _("version"), null=True, unique=True, editable=False, help_text=_("Empty: a draft.")
    )
    in_force_from = models.DateField(
        _("in force from"), help_text=_("Not before the day on which it is enacted.")
    )
    not_eligible = ArrayField(
        models.CharField(max_length=20, choices=Exclusion),
        verbose_name=_("never paid for"),
        default=all_exclusions,
        blank=True,
    )
    approvers = models.PositiveSmallIntegerField(
        _("people who approve a payment"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(2)],
        help_text=_(
            "Besides the person who asks for it: 1, and a third person above the limit below; or always 2."
        ),
    )
    emergency_hours = models.PositiveSmallIntegerField(
        _("hours for the second signature"),
        default=72,
        help_text=_(
            "Within them another person signs what was paid with one approval in an emergency."
        ),
    )
    reserve_percent = models.DecimalField(
        _("reserve, in percent"),
        max_digits=5,
        decimal_places=2,
        default=Decimal(0),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("So much of all that a general fund received is never set aside for costs."),
    )
    fund_order = ArrayField(
        models.CharField(max_length=10, choices=Fund.Kind),
        verbose_name=_("order of the funds"),
        default=narrowest_first,
        help_text=_("Which funds may serve a cost, the first to be used first."),
    )
    fee_order = ArrayField(
        models.CharField(max_length=10, choices=Fund.Kind),
        verbose_name=_("who bears the banks' fees"),
        default=list,
        db_default=[],
        blank=True,
        help_text=_(
            "Which funds bear fees of banks, and charges of Stripe, that belong to no single gift, the first to be asked first. Empty: whichever the treasurer names."
        ),
    )
    surplus_order = ArrayField(
        models.CharField(max_length=10, choices=Surplus),
        verbose_name=_("order for what is left over"),
        default=usual_surplus_order,
        help_text=_("Where money goes that its purpose no longer needs."),
    )
    partner = models.CharField(
        _("partner"),
        max_length=120,
        blank=True,
        help_text=_("The organization that gets what nobody here needs. Shown to everyone."),
    )
    admin_percent = models.DecimalField(
        _("administration at most, in percent"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_(
            "Of all that was received in a currency, so much may be paid for costs that count as administration. Empty: no cap."
        ),
    )
    dormant_months = models.PositiveSmallIntegerField(
        _("months until a fund is dormant"),
        default=12,
        validators=[MinValueValidator(1)],
        help_text=_("Without a movement for so long, a fund is handled like one no longer needed."),
    )
    dissolution = models.TextField(
        _("when the fund is dissolved, what is left goes to"),
        max_length=500,
        default="",
        db_default="",
        blank=True,
        help_text=_(
            "To whom, in words: an organization, or how it is chosen. Shown to everyone; no names of people."
        ),
    )
    is_sample = models.BooleanField(_("sample data"), default=False, editable=False)
    drafted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        editable=False,
        verbose_name=_("drafted by"),
        help_text=_("Who changed it last."),
    )
    drafted_at = models.DateTimeField(_("drafted at"), editable=False)
    enacted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
        verbose_name=_("enacted by"),
    )
    enacted_at = models.DateTimeField(_("enacted at"), null=True, editable=False)

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name = _("policy of the fund")
        verbose_name_plural = _("policy of the fund")
        ordering = ["-pk"]
        permissions = [("enact_policy", "Can enact the fund's policy")]
        constraints = [
            models.CheckConstraint(
                name="policy_enacted_by_another_person",
                condition=Q(enacted_by=None) | ~Q(enacted_by=F("drafted_by")),
            ),
            models.CheckConstraint(
                name="policy_enactment_complete",
                condition=Q(enacted_by=None, enacted_at=None, version=None)
                | Q(enacted_by__isnull=False, enacted_at__isnull=False, version__isnull=False),
            ),
            models.CheckConstraint(
                name="policy_not_in_force_before_enacted",
                condition=Q(enacted_at=None) | Q(in_force_from__gte=F("enacted_at__date")),
            ),
            models.CheckConstraint(
                name="policy_approvers_one_or_two", condition=Q(approvers__in=[1, 2])
            ),
            models.CheckConstraint(
                name="policy_reserve_is_a_part",
                condition=Q(reserve_percent__gte=0, reserve_percent__lte=100),
                violation_error_message=_("The reserve is between 0 and 100 percent."),
            ),
            models.CheckConstraint(
                name="policy_administration_is_a_part",
                condition=Q(admin_percent=None) | Q(admin_percent__gte=0, admin_percent__lte=100),
                violation_error_message=_("Administration is between 0 and 100 percent."),
            ),
            models.CheckConstraint(
                name="policy_dormant_after_a_month", condition=Q(dormant_months__gte=1)
            ),
            models.CheckConstraint(
                name="policy_uses_some_fund", condition=Q(fund_order__len__gte=1)
            ),
            models.CheckConstraint(
                name="policy_partner_named",
                condition=~Q(surplus_order__contains=["partner"]) | ~Q(partner=""),
                violation_error_message=_("Name the partner, or take it out of the order."),
            ),
        ]

    def __str__(self) -> str:
        if self.version is None:
            return gettext("Draft")
        return gettext("Version %(version)s") % {"version": self.version}

    @property
    def is_enacted(self) -> bool:
        return self.enacted_at is not None

    def pays(self, kind: str) -> bool:
        return any(each.kind == kind for each in self.kinds.all())

    def documents(self, kind: str) -> list[str]:
        """The kinds of document (CostDocument.Kind) a cost of this kind needs before it is paid; empty for kinds not paid."""
        return next((each.documents for each in self.kinds.all() if each.kind == kind), [])

    def lacking(self, kind: str, present: "set[str]") -> list[str]:
        """Of the documents a cost of `kind` needs, those whose kinds are not in `present`, in the policy's order."""
        return [each for each in self.documents(kind) if each not in present]

    def cap(self, kind: str, currency: str) -> Decimal | None:
        """The most one cost of this kind may be, in `currency`; None without a cap."""
        caps = (c.amount for c in self.caps.all() if (c.kind, c.currency) == (kind, currency))
        return next(caps, None)

    def cap_left(self, cost: "LegalCost", *, but: int | None = None) -> Decimal | None:
        """Of its cap what is neither asked for nor paid of `cost`, the payment `but` left out; below zero where more was,
        under another version. None without a cap."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT donations_cap_left(%s, %s, %s)", [self.pk, cost.pk, but])
            left: Decimal | None = cursor.fetchone()[0]
        return left

    @property
    def caps_what_rises(self) -> bool:
        """Whether costs in UMA, whose value rises by itself, may come to more than a cap."""
        return any(each.currency == UMA_CURRENCY for each in self.caps.all())

    @property
    def paid_kinds(self) -> "list[tuple[PolicyKind, list[PolicyCap]]]":
        """What the fund pays, each kind with its caps, as the pages show it."""
        caps = list(self.caps.all())
        return [(kind, [cap for cap in caps if cap.kind == kind.kind]) for kind in self.kinds.all()]

    @property
    def not_paid(self) -> list[str]:
        return [str(self.Exclusion(each).label) for each in self.not_eligible]

    @property
    def admin_kinds(self) -> list[str]:
        return [each.get_kind_display() for each in self.kinds.all() if each.is_admin]

    @property
    def funds_in_order(self) -> list[str]:
        return [str(FUND_WORDS[Fund.Kind(each)]) for each in self.fund_order]

    @property
    def fee_bearers(self) -> list[str]:
        return [str(FUND_WORDS[Fund.Kind(each)]) for each in self.fee_order]

    def lets_bear(self, fund: Fund) -> bool:
        """Whether the fund may be charged with what banks, and Stripe, keep of no single gift."""
        return not self.fee_order or fund.kind in self.fee_order

    @property
    def surplus_steps(self) -> list[str]:
        """In words, the partner by name."""
        return [
            self.partner if each == self.Surplus.PARTNER else str(self.Surplus(each).label)
            for each in self.surplus_order
        ]

    def is_partner(self, name: str) -> bool:
        """Whether this is the partner's name; capitals and blanks aside."""
        ours, theirs = (" ".join(each.split()).casefold() for each in (self.partner, name))
        return bool(ours) and ours == theirs

    def admin_left(self, currency: str, *, but: int | None = None) -> Decimal | None:
        """What may still be asked for administration in `currency`, the payment `but` left out; None without a cap."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT donations_admin_left(%s, %s, %s)", [self.pk, currency, but])
            left: Decimal | None = cursor.fetchone()[0]
        return left

    def counts_as_admin(self, kind: str) -> bool:
        return any(each.kind == kind and each.is_admin for each in self.kinds.all())

    def text(self, language: str) -> "PolicyText | None":
        """In `language`, else in the site's first, else in any; None where nothing is written."""
        known = {each.language: each for each in self.texts.all()}
        first = settings.LANGUAGES[0][0]
        return known.get(language) or known.get(first) or next(iter(known.values()), None)

    def third_person_above(self, currency: str) -> Decimal:
        """Above this amount a payment needs two approvals besides the request; 0 (always) where the policy names none."""
        limit = self._limit(currency)
        if limit is None or self.approvers == 2:
            return Decimal(0)
        return limit.third_person_above

    def emergency_limit(self, currency: str) -> Decimal:
        """Up to this amount one approval is enough at first in an emergency; 0 (never) where the policy names none."""
        limit = self._limit(currency)
        return limit.emergency_up_to if limit else Decimal(0)

    def fee_alone_up_to(self, currency: str) -> Decimal:
        """Up to this amount one person says that a bank line is the bank's fee; 0 (never) where the policy names none."""
        limit = self._limit(currency)
        return limit.fee_alone_up_to if limit else Decimal(0)

    @property
    def fees_alone(self) -> "list[PolicyLimit]":
        """The limits by which one person books a fee of a bank."""
        return [each for each in self.limits.all() if each.fee_alone_up_to]

    @staticmethod
    def fund_kinds(policy: "Policy | None") -> list[str]:
        """Which kinds of fund may serve a cost, in order; without a policy all, the narrowest purpose first."""
        return policy.fund_order if policy else narrowest_first()

    def _limit(self, currency: str) -> "PolicyLimit | None":
        return next((each for each in self.limits.all() if each.currency == currency), None)

    @property
    def content_hash(self) -> str:
        """Over everything that is enacted, so that nobody enacts what they did not see."""
        own = {
            name: getattr(self, name)
            for name in (
                "in_force_from", "not_eligible", "approvers", "emergency_hours", "fund_order",
                "surplus_order", "partner", "dormant_months",
            )
        }  # fmt: skip
        own["reserve_percent"] = f"{self.reserve_percent:.2f}"
        if self.dissolution:
            own["dissolution"] = self.dissolution
        if self.fee_order:
            own["fee_order"] = self.fee_order
        if self.admin_percent is not None:
            own["admin_percent"] = f"{self.admin_percent:.2f}"
        rules: list[Any] = [
            sorted([each.kind, each.documents, each.is_admin] for each in self.kinds.all()),
            sorted([each.kind, each.currency, f"{each.amount:.3f}"] for each in self.caps.all()),
            sorted(each.rule for each in self.limits.all()),
            sorted([each.language, each.body] for each in self.texts.all()),
        ]
        return sha256(json.dumps([own, rules], default=str).encode()).hexdigest()

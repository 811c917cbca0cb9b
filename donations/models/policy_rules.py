"""The rules of a policy that come in rows: kinds of cost, caps, limits, and its texts."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from appeals.models.language import LanguageField

from .fields import CurrencyField, MoneyField
from .legal_cost import CostDocument, LegalCost
from .policy import Policy


class PolicyKind(models.Model):
    """A kind of cost the fund pays, and the documents it needs. What is not listed is not paid."""

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="kinds")
    kind = models.CharField(_("kind"), max_length=10, choices=LegalCost.Kind)
    documents = ArrayField(
        models.CharField(max_length=10, choices=CostDocument.Kind),
        verbose_name=_("documents it needs"),
        help_text=_("All of them, before it is paid."),
    )

    is_admin = models.BooleanField(
        _("counts as administration"),
        default=False,
        help_text=_("Towards the cap for administration, where the policy has one."),
    )

    class Meta:
        verbose_name = _("kind of cost the fund pays")
        verbose_name_plural = _("kinds of cost the fund pays")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "kind"],
                name="policy_kind_once",
                violation_error_message=_("This kind is listed already."),
            ),
            models.CheckConstraint(
                name="policy_kind_needs_a_document",
                condition=Q(documents__len__gte=1),
                violation_error_message=_("Nothing is paid without a document: choose one."),
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def document_labels(self) -> list[str]:
        return [str(CostDocument.Kind(each).label) for each in self.documents]


class PolicyCap(models.Model):
    """The most that one cost of a kind may be, in one currency."""

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="caps")
    kind = models.CharField(_("kind"), max_length=10, choices=LegalCost.Kind)
    currency = CurrencyField(_("currency"))
    amount = MoneyField(_("at most, for one cost"))

    class Meta:
        verbose_name = _("cap")
        verbose_name_plural = _("caps")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "kind", "currency"],
                name="policy_cap_once",
                violation_error_message=_("This kind has a cap in this currency already."),
            ),
            models.CheckConstraint(
                name="policy_cap_positive",
                condition=Q(amount__gt=0),
                violation_error_message=_("A cap is above zero."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.currency}"


class PolicyLimit(models.Model):
    """How many people a payment, or a fee of a bank, in one currency needs."""

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="limits")
    currency = CurrencyField(_("currency"))
    third_person_above = MoneyField(
        _("third person above"), help_text=_("Payments above this need two approvals.")
    )
    emergency_up_to = MoneyField(
        _("emergency up to"),
        default=Decimal(0),
        help_text=_(
            "Up to this one approval is enough at first, and a third person signs afterwards. 0: never."
        ),
    )
    fee_alone_up_to = MoneyField(
        _("fee by one person up to"),
        default=Decimal(0),
        db_default=Decimal(0),
        help_text=_(
            "A fee of a bank up to this counts when one person has said so; above it another approves. 0: another always does."
        ),
    )

    class Meta:
        verbose_name = _("limit")
        verbose_name_plural = _("limits")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "currency"],
                name="policy_limit_once",
                violation_error_message=_("This currency has its limits already."),
            ),
            models.CheckConstraint(
                name="policy_limits_not_below_zero",
                condition=Q(
                    emergency_up_to__gte=0, third_person_above__gte=0, fee_alone_up_to__gte=0
                ),
                violation_error_message=_("A limit is not below zero."),
            ),
        ]

    def __str__(self) -> str:
        return self.currency

    @property
    def rule(self) -> list[str]:
        """What the version's hash is made of. Versions enacted before fees were a rule keep theirs."""
        amounts = [self.third_person_above, self.emergency_up_to]
        if self.fee_alone_up_to:
            amounts.append(self.fee_alone_up_to)
        return [self.currency, *(f"{amount:.3f}" for amount in amounts)]


class PolicyText(models.Model):
    """What the rules say beyond these rows, in one language; shown with them to everyone."""

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="texts")
    language = LanguageField(_("language"))
    body = models.TextField(
        _("text"), help_text=_("Markdown. What the rows do not say. No names of people.")
    )

    class Meta:
        verbose_name = _("text of the policy")
        verbose_name_plural = _("texts of the policy")
        ordering = ["language"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "language"],
                name="policy_text_once_per_language",
                violation_error_message=_("There is a text in this language already."),
            ),
            models.CheckConstraint(name="policy_text_not_empty", condition=~Q(body="")),
        ]

    def __str__(self) -> str:
        return str(self.language)

"""What money is for."""

import uuid
from collections.abc import Iterable, Sequence

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from appeals.models import Appeal, AppealText, Case, CaseText, Defendant

from .fields import CurrencyField, MoneyField
from .proposal import Proposal, ProposalQuerySet, decided_by_another


class FundQuerySet(models.QuerySet["Fund"]):
    def open(self) -> "FundQuerySet":
        return self.filter(closed_on=None)

    def offered_for(self, appeal: "Appeal | models.OuterRef") -> "FundQuerySet":
        """The funds a supporter of `appeal` may choose from: the appeal's own first, then its published cases."""
        return (
            self.open()
            .filter(
                Q(kind=Fund.Kind.APPEAL, appeal=appeal)
                | Q(kind=Fund.Kind.CASE, case__appeal=appeal, case__published_at__isnull=False)
            )
            .select_related("appeal", "case")
            .order_by(F("case_id").asc(nulls_first=True))
        )

    def with_public_title(self, language: str) -> "FundQuerySet":
        """Annotates `public_title`: the appeal's or case's own title in `language`; empty for the other kinds."""
        case_title = CaseText.objects.best(language).filter(case=models.OuterRef("case"))
        appeal_title = AppealText.objects.best(language).filter(appeal=models.OuterRef("appeal"))
        return self.annotate(
            public_title=Coalesce(
                models.Subquery(case_title.values("title")[:1]),
                models.Subquery(appeal_title.values("title")[:1]),
                models.Value(""),
            )
        )

    def serving(
        self, case: Case, defendants: Iterable[Defendant], kinds: Sequence[str]
    ) -> "FundQuerySet":
        """The funds that may pay a cost of `defendants` in `case`, by `kinds` and in their order, as the policy says."""
        return self.serving_any([case], defendants, kinds)

    def serving_any(
        self, cases: Iterable[Case], defendants: Iterable[Defendant], kinds: Sequence[str]
    ) -> "FundQuerySet":
        """The funds that may pay some cost of `defendants` in one of `cases`; as `serving`."""
        listed = list(cases)
        order = models.Case(*(models.When(kind=kind, then=rank) for rank, kind in enumerate(kinds)))
        return (
            self.open()
            .filter(
                Q(kind=Fund.Kind.GENERAL)
                | Q(kind=Fund.Kind.APPEAL, appeal__in={case.appeal_id for case in listed})
                | Q(kind=Fund.Kind.CASE, case__in=listed)
                | Q(kind=Fund.Kind.DEFENDANT, defendant__in=list(defendants)),
                kind__in=kinds,
            )
            .order_by(order, "pk")
        )


class Fund(models.Model):
    """A purpose money is given for, with the rule for what is left over."""

    class Kind(models.TextChoices):
        GENERAL = "general", _("general")
        APPEAL = "appeal", _("an appeal")
        CASE = "case", _("a case")
        DEFENDANT = "defendant", _("a defendant")

    NARROWEST_FIRST = (Kind.DEFENDANT, Kind.CASE, Kind.APPEAL, Kind.GENERAL)

    code = models.SlugField(
        _("code"),
        unique=True,
        help_text=_("Stands in the ledger and in public files: never a person's name."),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    name = models.CharField(
        _("name"),
        max_length=120,
        help_text=_(
            "For the office. The public sees the appeal's or case's own title in its language."
        ),
    )
    purpose = models.TextField(
        _("purpose"), help_text=_("What this money may be spent on, in one or two sentences.")
    )
    appeal = models.ForeignKey(
        Appeal,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="funds",
        verbose_name=_("appeal"),
    )
    case = models.ForeignKey(
        Case, models.PROTECT, null=True, blank=True, related_name="funds", verbose_name=_("case")
    )
    defendant = models.ForeignKey(
        Defendant,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="funds",
        verbose_name=_("defendant"),
    )
    fallback = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("fallback fund"),
        help_text=_("Where money goes that this purpose no longer needs (the surplus rule)."),
    )
    closed_on = models.DateField(_("closed on"), null=True, blank=True)

    objects = FundQuerySet.as_manager()

    class Meta:
        verbose_name = _("fund")
        verbose_name_plural = _("funds")
        constraints = [
            models.CheckConstraint(
                name="fund_kind_names_its_subject",
                condition=(
                    Q(kind="general", appeal=None, case=None, defendant=None)
                    | Q(kind="appeal", appeal__isnull=False, case=None, defendant=None)
                    | Q(kind="case", appeal=None, case__isnull=False, defendant=None)
                    | Q(kind="defendant", appeal=None, case=None, defendant__isnull=False)
                ),
                violation_error_message=_(
                    "Name exactly the appeal, case or defendant this fund is for."
                ),
            ),
            models.CheckConstraint(
                name="fund_fallback_is_another",
                condition=Q(fallback=None) | ~Q(fallback=F("id")),
                violation_error_message=_("A fund cannot fall back to itself."),
            ),
            *(
                models.UniqueConstraint(
                    fields=[subject], name=f"fund_once_per_{subject}", condition=Q(closed_on=None)
                )
                for subject in ("appeal", "case", "defendant")
            ),
        ]

    def __str__(self) -> str:
        return self.name


class FundCover(Proposal):
    """Two people's decision over a fund that facts took below zero: another fund's money covers it, which lifts its freeze.

    Once gifts alone have brought it back to zero or above nothing is missing: then the decision is to lift the freeze, with
    no `source` and an amount of zero.
    """

    number = models.UUIDField(_("number"), unique=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(
        Fund, models.PROTECT, null=True, related_name="+", verbose_name=_("from")
    )
    target = models.ForeignKey(Fund, models.PROTECT, related_name="covers", verbose_name=_("to"))
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))
    reason = models.TextField(_("reason"))

    objects = ProposalQuerySet["FundCover"].as_manager()

    class Meta:
        verbose_name = _("cover of a fund")
        verbose_name_plural = _("covers of funds")
        permissions = [
            ("request_fundcover", "Can ask to cover a fund below zero"),
            ("approve_fundcover", "Can approve the cover of a fund"),
        ]
        constraints = [
            models.CheckConstraint(
                name="cover_moves_money_or_lifts",
                condition=Q(source__isnull=False, amount__gt=0) | Q(source=None, amount=0),
            ),
            models.CheckConstraint(
                name="cover_between_two_funds", condition=~Q(source=F("target"))
            ),
            *decided_by_another("cover"),
        ]

    def __str__(self) -> str:
        if self.is_lift:
            return f"{self.target} ({self.currency})"
        return f"{self.source} → {self.target}"

    @property
    def is_lift(self) -> bool:
        """Moves nothing: gifts have refilled the fund."""
        return self.source_id is None

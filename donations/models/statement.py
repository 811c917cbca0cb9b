"""What the bank says; a line changes no balance until it is matched."""

from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from defensefund.privacy import EncryptedTextField
from defensefund.templatetags.formats import plain_day

from ..currencies import written
from .bank_account import BankAccount
from .fields import CurrencyField, MoneyField


class StatementImport(models.Model):
    """One file from the bank, read whole or not at all."""

    account = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="imports", verbose_name=_("bank account")
    )
    name = models.CharField(_("file name"), max_length=200)
    sha256 = models.CharField(
        _("SHA-256"), max_length=64, validators=[RegexValidator(r"\A[0-9a-f]{64}\Z")]
    )
    opening_balance = MoneyField(_("opening balance"), null=True)
    closing_balance = MoneyField(_("closing balance"), null=True)
    first_on = models.DateField(_("first day"), null=True)
    last_on = models.DateField(_("last day"), null=True)
    new_lines = models.PositiveIntegerField(_("new lines"))
    known_lines = models.PositiveIntegerField(_("lines known already"))
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("imported by"),
        help_text=_("Empty when a command did it."),
    )
    imported_at = models.DateTimeField(_("imported at"))

    class Meta:
        verbose_name = _("statement import")
        verbose_name_plural = _("statement imports")
        ordering = ["-pk"]
        permissions = [("import_statement", "Can import bank statements")]

    def __str__(self) -> str:
        return self.name


class StatementLineQuerySet(models.QuerySet["StatementLine"]):
    def unmatched(self) -> "StatementLineQuerySet":
        """Of which nobody has said yet, or not wholly, what they are; by an index of these alone."""
        return self.filter(~Q(explained=F("amount")))


class StatementLine(models.Model):
    """One movement the bank reports. What names a person in it is encrypted and can be erased."""

    account = models.ForeignKey(
        BankAccount,
        models.PROTECT,
        db_index=False,
        # Carried by the one of the statement: a line is of the account its file is of (in the migration "bank").
        db_constraint=False,
        related_name="lines",
        verbose_name=_("bank account"),
    )
    statement = models.ForeignKey(
        StatementImport,
        models.PROTECT,
        db_constraint=False,
        related_name="lines",
        verbose_name=_("statement"),
    )
    key = models.CharField(
        _("key"),
        max_length=100,
        help_text=_(
            "A keyed hash of the bank's own identifier or of all fields, and the ordinal among equal lines."
        ),
    )
    booked_on = models.DateField(_("booked on"))
    value_on = models.DateField(_("value date"), null=True)
    amount = MoneyField(_("amount"), help_text=_("Positive: money came in."))
    currency = CurrencyField(_("currency"))
    references = ArrayField(
        models.CharField(max_length=35),
        verbose_name=_("references"),
        default=list,
        help_text=_("Our own transfer and payment references found in the line."),
    )
    explained = MoneyField(
        _("explained"),
        default=Decimal(0),
        editable=False,
        help_text=_("How much of the amount is matched; kept by the database."),
    )
    batch_of = models.PositiveIntegerField(
        _("payments in it"),
        null=True,
        editable=False,
        help_text=_(
            "How many the bank put into this one line; empty for one, and where it does not say."
        ),
    )
    names = ArrayField(
        models.CharField(max_length=24),
        verbose_name=_("names of the movement"),
        null=True,
        editable=False,
        help_text=_(
            "Keyed hashes of what the bank calls it, by which a notification speaks of it; empty where it has none."
        ),
    )
    counterparty = EncryptedTextField(_("counterparty"), blank=True)
    counterparty_account = EncryptedTextField(_("counterparty's account"), blank=True)
    text = EncryptedTextField(_("text"), blank=True)
    payer_hash = models.CharField(
        _("other side"),
        max_length=64,
        blank=True,
        editable=False,
        help_text=_(
            "A keyed hash by which the other side is known again, without saying who it is."
        ),
    )

    objects = StatementLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("statement line")
        verbose_name_plural = _("statement lines")
        ordering = ["-booked_on", "-pk"]
        permissions = [("match_statementline", "Can match statement lines")]
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="statement_line_once"),
            models.CheckConstraint(name="statement_line_amount_not_zero", condition=~Q(amount=0)),
            models.CheckConstraint(
                name="statement_line_batch_of_several",
                condition=Q(batch_of=None) | Q(batch_of__gt=1),
            ),
            models.CheckConstraint(
                name="statement_line_explained_within",
                condition=Q(amount__gt=0, explained__gte=0, explained__lte=F("amount"))
                | Q(amount__lt=0, explained__lte=0, explained__gte=F("amount")),
            ),
        ]
        indexes = [
            # The work list reads only these, however many lines were explained before.
            models.Index(
                name="statement_line_open",
                fields=["booked_on", "id"],
                condition=~Q(explained=F("amount")),
            ),
            models.Index(
                name="statement_line_payer",
                fields=["payer_hash", "booked_on"],
                condition=~Q(payer_hash=""),
            ),
            # The office lists by day, of one account or of all; a file's balances are held against the sum of a span.
            models.Index(name="statement_line_by_day", fields=["booked_on", "id"]),
            models.Index(
                name="statement_line_of_account",
                fields=["account", "booked_on", "id"],
                include=["amount"],
            ),
        ]

    def __str__(self) -> str:
        amount = written(self.amount, self.currency)
        return f"{self.account.name}, {plain_day(self.booked_on)}, {amount}"

    @property
    def open_amount(self) -> Decimal:
        """What of it nobody has explained yet, with the line's sign."""
        return self.amount - self.explained


class StatementMatchQuerySet(models.QuerySet["StatementMatch"]):
    def standing(self) -> "StatementMatchQuerySet":
        return self.filter(undone_at=None)


# What a line can be matched to; a match names one of them, or none and says why.
THINGS = (
    "payout", "disbursement", "donation", "deposit", "refund_request", "exchange", "own_transfer", "bail_outcome", "collection",
)  # fmt: skip
# These can be on two lines: what left, and what came for it; of a payment, that it came back.
TWO_SIDED = ("exchange", "own_transfer", "disbursement")


def _one_of(*things: str) -> Q:
    """Exactly one of the foreign keys, or none of them and an explanation."""
    none = Q(**dict.fromkeys(things))
    either = none & ~Q(explanation="")
    for thing in things:
        others = Q(**dict.fromkeys(other for other in things if other != thing))
        either |= others & Q(**{f"{thing}__isnull": False}, explanation="")
    return either


class StatementMatch(models.Model):
    """That a bank line, or a part of it, is this payout, this disbursement, this gift or this refund.

    A person says so; or nobody (`confirmed_by` is empty) where reference, amount and currency left no doubt when the file
    came. The database lets the standing matches of a line come to no more than it (in the migration "bank").
    """

    line = models.ForeignKey(
        StatementLine, models.PROTECT, related_name="matches", verbose_name=_("line")
    )
    amount = MoneyField(
        _("amount"), help_text=_("Which part of the line, with its sign: positive, money came in.")
    )
    withheld = MoneyField(
        _("withheld"),
        default=Decimal(0),
        db_default=Decimal(0),
        help_text=_(
            "What a bank kept of a payout, or of a transfer between own accounts, on its way: its fee, booked apart from the line."
        ),
    )
    source = models.CharField(  # noqa: DJ001  unique where there is one
        _("source"),
        max_length=200,
        null=True,
        blank=True,
        help_text=_("Of the entry it booked; empty where it only proves one that was there."),
    )
    # Links have no indexes of all rows: most are empty in most rows, and there are many rows to write at an import.
    payout = models.ForeignKey(
        "Payout",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("payout"),
    )
    disbursement = models.ForeignKey(
        "Disbursement",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("disbursement"),
    )
    donation = models.ForeignKey(
        "Donation",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("donation"),
    )
    deposit = models.ForeignKey(
        "CashDeposit",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("cash brought to the bank"),
    )
    refund_request = models.ForeignKey(
        "RefundRequest",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("refund"),
    )
    exchange = models.ForeignKey(
        "Exchange",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("exchange of currencies"),
    )
    own_transfer = models.ForeignKey(
        "OwnTransfer",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("transfer between own accounts"),
    )
    bail_outcome = models.ForeignKey(
        "BailOutcome",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("bail that came back"),
    )
    collection = models.ForeignKey(
        "MovementExplanation",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("what Stripe collected"),
    )
    explanation = models.TextField(
        _("explanation"), blank=True, help_text=_("Why the line belongs to none of these.")
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="+",
        verbose_name=_("confirmed by"),
        help_text=_("Empty when reference, amount and currency agreed at the import."),
    )
    confirmed_at = models.DateTimeField(_("confirmed at"))
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="+",
        verbose_name=_("undone by"),
    )
    undone_at = models.DateTimeField(_("undone at"), null=True)

    objects = StatementMatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("match")
        verbose_name_plural = _("matches")
        constraints = [
            models.CheckConstraint(
                name="match_is_one_thing",
                condition=_one_of(*THINGS),
            ),
            # Here and not with the field, whose index would be doubled for searches by the first characters.
            models.UniqueConstraint(
                name="match_source_once", fields=["source"], condition=Q(source__isnull=False)
            ),
            models.CheckConstraint(name="match_amount_not_zero", condition=~Q(amount=0)),
            models.CheckConstraint(
                name="match_withheld_on_its_way",
                condition=Q(withheld=0)
                | Q(withheld__gt=0, payout__isnull=False)
                | Q(withheld__gt=0, own_transfer__isnull=False),
            ),
            # What nobody confirmed must at least be something we know of.
            models.CheckConstraint(
                name="match_by_itself_names_a_thing",
                condition=Q(confirmed_by__isnull=False) | Q(explanation=""),
            ),
            models.CheckConstraint(
                name="match_undoing_complete",
                condition=Q(undone_by__isnull=True, undone_at__isnull=True)
                | Q(undone_by__isnull=False, undone_at__isnull=False),
            ),
            *(
                models.UniqueConstraint(
                    fields=[thing],
                    name=f"match_{thing}_once",
                    condition=Q(undone_at=None, **{f"{thing}__isnull": False}),
                )
                for thing in THINGS
                if thing not in TWO_SIDED
            ),
            *(
                models.UniqueConstraint(
                    fields=[thing],
                    name=f"match_{thing}_once_{way}",
                    condition=Q(undone_at=None, **{f"{thing}__isnull": False}) & sign,
                )
                for thing in TWO_SIDED
                for way, sign in (("out", Q(amount__lt=0)), ("in", Q(amount__gt=0)))
            ),
        ]
        indexes = [
            *(
                models.Index(
                    name=f"match_of_{thing}",
                    fields=[thing],
                    condition=Q(**{f"{thing}__isnull": False}),
                )
                for thing in THINGS
            ),
            # The bank's own: which fund bore the last one.
            models.Index(
                name="match_charge",
                fields=["line"],
                condition=Q(source__isnull=False, undone_at=None) & ~Q(explanation=""),
            ),
        ]

    def __str__(self) -> str:
        return str(self.line)

"""What is left of a fund is paid to the partner whom the policy names; the rules are in the next migration."""

import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import donations.models.partner_payment
from defensefund.tables import Together


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("donations", "0044_gifts_past_our_pages"),
    ]

    operations = [
        migrations.CreateModel(
            name="PartnerPayment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("approved_at", models.DateTimeField(null=True, verbose_name="approved at")),
                ("refused_at", models.DateTimeField(null=True, verbose_name="refused at")),
                (
                    "refusal_reason",
                    models.TextField(blank=True, verbose_name="reason of the refusal"),
                ),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                (
                    "undo_reason",
                    models.TextField(
                        blank=True, db_default="", verbose_name="why it is taken back"
                    ),
                ),
                (
                    "undo_requested_at",
                    models.DateTimeField(null=True, verbose_name="taking back asked for at"),
                ),
                ("undone_at", models.DateTimeField(null=True, verbose_name="taken back at")),
                (
                    "number",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, unique=True, verbose_name="number"
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(decimal_places=3, max_digits=21, verbose_name="amount"),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z]{3}\\Z", "Three capital letters, like EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                (
                    "payment_reference",
                    models.CharField(
                        help_text="Write it on the bank transfer: the statement line is found by it.",
                        max_length=35,
                        unique=True,
                        verbose_name="payment reference",
                    ),
                ),
                (
                    "content_hash",
                    models.CharField(editable=False, max_length=64, verbose_name="content hash"),
                ),
                (
                    "seconded_at",
                    models.DateTimeField(null=True, verbose_name="approved by a third person at"),
                ),
                (
                    "approvals_needed",
                    models.PositiveSmallIntegerField(
                        db_default=1, default=1, verbose_name="approvals it needs"
                    ),
                ),
                ("paid_at", models.DateTimeField(null=True, verbose_name="recorded as paid at")),
                ("paid_on", models.DateField(null=True, verbose_name="paid on")),
                (
                    "bank_reference",
                    models.CharField(
                        blank=True,
                        db_default="",
                        max_length=60,
                        verbose_name="the bank's reference",
                    ),
                ),
                (
                    "came_back_on",
                    models.DateField(
                        editable=False,
                        help_text="From when on it does not count: the day of the bank line that gave it back, kept by the database, or of one that never left its own day.",
                        null=True,
                        verbose_name="came back on",
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("case", "the case has ended"),
                            ("paid", "all its costs are paid"),
                            ("unneeded", "nobody needs it for this purpose any more"),
                            ("appeal", "the appeal has ended"),
                            ("dormant", "nothing moved in it for the months that the rules name"),
                        ],
                        max_length=10,
                        verbose_name="why the purpose is over",
                    ),
                ),
                ("note", models.TextField(blank=True, verbose_name="note for the office")),
                (
                    "partner",
                    models.CharField(
                        help_text="As the policy named it on the day of the request.",
                        max_length=120,
                        verbose_name="partner",
                    ),
                ),
                (
                    "file",
                    models.FileField(
                        upload_to=donations.models.partner_payment.agreement_path,
                        verbose_name="document",
                    ),
                ),
                (
                    "content_type",
                    models.CharField(
                        choices=[
                            ("application/pdf", "application/pdf"),
                            ("image/jpeg", "image/jpeg"),
                            ("image/png", "image/png"),
                        ],
                        max_length=20,
                        verbose_name="type",
                    ),
                ),
                ("size", models.PositiveIntegerField(verbose_name="size in bytes")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="approved by",
                    ),
                ),
                (
                    "bank_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="partner_payments",
                        to="donations.bankaccount",
                        verbose_name="from account",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="partner_payments",
                        to="donations.fund",
                        verbose_name="fund",
                    ),
                ),
                (
                    "paid_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="paid by",
                    ),
                ),
                (
                    "payee_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="partner_payments",
                        to="donations.payeeaccount",
                        verbose_name="payee",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="donations.policy",
                        verbose_name="asked for under",
                    ),
                ),
                (
                    "refused_by",
                    models.ForeignKey(
                        help_text="Who asked for it, when they withdrew it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="refused by",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="requested by",
                    ),
                ),
                (
                    "seconded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="approved by a third person",
                    ),
                ),
                (
                    "undo_requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="taking back asked for by",
                    ),
                ),
                (
                    "undone_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="taken back by",
                    ),
                ),
            ],
            options={
                "verbose_name": "payment to the partner",
                "verbose_name_plural": "payments to the partner",
                "ordering": ["-pk"],
                "permissions": [
                    ("request_partnerpayment", "Can ask to pay a fund's rest to the partner"),
                    ("approve_partnerpayment", "Can approve or refuse a payment to the partner"),
                    ("pay_partnerpayment", "Can record a payment to the partner as paid"),
                    (
                        "undo_partnerpayment",
                        "Can take back a payment to the partner that never left",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)), name="partner_amount_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by", None),
                            models.Q(("approved_by", models.F("requested_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="partner_approved_by_another_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("paid_at__isnull", True),
                                ("paid_by__isnull", True),
                                ("paid_on__isnull", True),
                            ),
                            models.Q(
                                ("approved_at__isnull", False),
                                ("paid_at__isnull", False),
                                ("paid_by__isnull", False),
                                ("paid_on__isnull", False),
                                ("refused_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="partner_paid_only_when_approved",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("came_back_on", None), ("paid_at__isnull", False), _connector="OR"
                        ),
                        name="partner_came_back_after_it_was_paid",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("undo_reason", ""),
                                ("undo_requested_at", None),
                                ("undo_requested_by", None),
                            ),
                            models.Q(
                                ("paid_at__isnull", False),
                                ("undo_requested_at__isnull", False),
                                ("undo_requested_by__isnull", False),
                                models.Q(("undo_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="partner_undo_asked_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("undone_at", None), ("undone_by", None)),
                            models.Q(
                                ("undone_at__isnull", False),
                                ("undone_by__isnull", False),
                                ("came_back_on", models.F("paid_on")),
                                ("came_back_on__isnull", False),
                                ("undo_requested_by__isnull", False),
                                models.Q(
                                    ("undone_by", models.F("undo_requested_by")), _negated=True
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="partner_undone_by_another_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("refusal_reason", ""),
                                ("refused_at__isnull", True),
                                ("refused_by__isnull", True),
                            ),
                            models.Q(
                                ("refused_at__isnull", False),
                                ("refused_by__isnull", False),
                                models.Q(("refusal_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="partner_refusal_complete",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("approved_at__isnull", True), ("approved_by__isnull", True)),
                            models.Q(
                                ("approved_at__isnull", False), ("approved_by__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="partner_approval_complete",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("seconded_at__isnull", True), ("seconded_by__isnull", True)),
                            models.Q(
                                ("approved_at__isnull", False),
                                ("seconded_at__isnull", False),
                                ("seconded_by__isnull", False),
                                models.Q(("seconded_by", models.F("requested_by")), _negated=True),
                                models.Q(("seconded_by", models.F("approved_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="partner_third_person_is_a_third",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("policy__isnull", False), models.Q(("partner", ""), _negated=True)
                        ),
                        name="partner_named_by_a_policy",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("paid_at", None), ("refused_at", None)),
                        fields=("fund", "currency"),
                        name="partner_asked_once",
                    ),
                ],
            },
        ),
        Together(
            [
                migrations.RemoveConstraint(
                    model_name="entry",
                    name="entry_kind_known",
                ),
                migrations.RemoveConstraint(
                    model_name="statementmatch",
                    name="match_is_one_thing",
                ),
                migrations.AlterField(
                    model_name="entry",
                    name="kind",
                    field=models.CharField(
                        choices=[
                            ("donation", "donation"),
                            ("fee", "processing fee"),
                            ("refund", "refund"),
                            ("refund_returned", "refund came back"),
                            ("payout_left", "payout left Stripe"),
                            ("payout_arrived", "payout arrived at the bank"),
                            ("payout_returned", "payout came back"),
                            ("deposit_left", "cash brought to the bank"),
                            ("deposit_arrived", "cash arrived at the bank"),
                            ("transfer_left", "left for another account of ours"),
                            ("transfer_arrived", "arrived from another account of ours"),
                            ("dispute", "disputed"),
                            ("dispute_fee", "dispute fee"),
                            ("dispute_won", "dispute won"),
                            ("bank_fee", "bank fee"),
                            ("interest", "interest"),
                            ("bail_returned", "bail returned"),
                            ("bail_forfeited", "bail forfeited"),
                            ("opening", "what was there before these books began"),
                            ("past_payment", "payment before these books began"),
                            ("allocation", "allocation"),
                            ("release", "release of an allocation"),
                            ("disbursement", "payment of a legal cost"),
                            ("bail_paid", "bail paid"),
                            ("cover", "cover of a fund below zero"),
                            ("exchange", "exchange of currencies"),
                            ("surplus", "rest of a fund whose purpose is over"),
                            ("partner_payment", "payment to the partner"),
                        ],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                migrations.AlterField(
                    model_name="lot",
                    name="kind",
                    field=models.CharField(
                        blank=True,
                        choices=[
                            ("donation", "donation"),
                            ("fee", "processing fee"),
                            ("refund", "refund"),
                            ("refund_returned", "refund came back"),
                            ("payout_left", "payout left Stripe"),
                            ("payout_arrived", "payout arrived at the bank"),
                            ("payout_returned", "payout came back"),
                            ("deposit_left", "cash brought to the bank"),
                            ("deposit_arrived", "cash arrived at the bank"),
                            ("transfer_left", "left for another account of ours"),
                            ("transfer_arrived", "arrived from another account of ours"),
                            ("dispute", "disputed"),
                            ("dispute_fee", "dispute fee"),
                            ("dispute_won", "dispute won"),
                            ("bank_fee", "bank fee"),
                            ("interest", "interest"),
                            ("bail_returned", "bail returned"),
                            ("bail_forfeited", "bail forfeited"),
                            ("opening", "what was there before these books began"),
                            ("past_payment", "payment before these books began"),
                            ("allocation", "allocation"),
                            ("release", "release of an allocation"),
                            ("disbursement", "payment of a legal cost"),
                            ("bail_paid", "bail paid"),
                            ("cover", "cover of a fund below zero"),
                            ("exchange", "exchange of currencies"),
                            ("surplus", "rest of a fund whose purpose is over"),
                            ("partner_payment", "payment to the partner"),
                        ],
                        max_length=20,
                    ),
                ),
                migrations.AlterField(
                    model_name="shortfall",
                    name="kind",
                    field=models.CharField(
                        choices=[
                            ("donation", "donation"),
                            ("fee", "processing fee"),
                            ("refund", "refund"),
                            ("refund_returned", "refund came back"),
                            ("payout_left", "payout left Stripe"),
                            ("payout_arrived", "payout arrived at the bank"),
                            ("payout_returned", "payout came back"),
                            ("deposit_left", "cash brought to the bank"),
                            ("deposit_arrived", "cash arrived at the bank"),
                            ("transfer_left", "left for another account of ours"),
                            ("transfer_arrived", "arrived from another account of ours"),
                            ("dispute", "disputed"),
                            ("dispute_fee", "dispute fee"),
                            ("dispute_won", "dispute won"),
                            ("bank_fee", "bank fee"),
                            ("interest", "interest"),
                            ("bail_returned", "bail returned"),
                            ("bail_forfeited", "bail forfeited"),
                            ("opening", "what was there before these books began"),
                            ("past_payment", "payment before these books began"),
                            ("allocation", "allocation"),
                            ("release", "release of an allocation"),
                            ("disbursement", "payment of a legal cost"),
                            ("bail_paid", "bail paid"),
                            ("cover", "cover of a fund below zero"),
                            ("exchange", "exchange of currencies"),
                            ("surplus", "rest of a fund whose purpose is over"),
                            ("partner_payment", "payment to the partner"),
                        ],
                        max_length=20,
                    ),
                ),
                migrations.AlterField(
                    model_name="total",
                    name="kind",
                    field=models.CharField(
                        choices=[
                            ("donation", "donation"),
                            ("fee", "processing fee"),
                            ("refund", "refund"),
                            ("refund_returned", "refund came back"),
                            ("payout_left", "payout left Stripe"),
                            ("payout_arrived", "payout arrived at the bank"),
                            ("payout_returned", "payout came back"),
                            ("deposit_left", "cash brought to the bank"),
                            ("deposit_arrived", "cash arrived at the bank"),
                            ("transfer_left", "left for another account of ours"),
                            ("transfer_arrived", "arrived from another account of ours"),
                            ("dispute", "disputed"),
                            ("dispute_fee", "dispute fee"),
                            ("dispute_won", "dispute won"),
                            ("bank_fee", "bank fee"),
                            ("interest", "interest"),
                            ("bail_returned", "bail returned"),
                            ("bail_forfeited", "bail forfeited"),
                            ("opening", "what was there before these books began"),
                            ("past_payment", "payment before these books began"),
                            ("allocation", "allocation"),
                            ("release", "release of an allocation"),
                            ("disbursement", "payment of a legal cost"),
                            ("bail_paid", "bail paid"),
                            ("cover", "cover of a fund below zero"),
                            ("exchange", "exchange of currencies"),
                            ("surplus", "rest of a fund whose purpose is over"),
                            ("partner_payment", "payment to the partner"),
                        ],
                        max_length=20,
                    ),
                ),
                migrations.AddConstraint(
                    model_name="entry",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "donation",
                                    "fee",
                                    "refund",
                                    "refund_returned",
                                    "payout_left",
                                    "payout_arrived",
                                    "payout_returned",
                                    "deposit_left",
                                    "deposit_arrived",
                                    "transfer_left",
                                    "transfer_arrived",
                                    "dispute",
                                    "dispute_fee",
                                    "dispute_won",
                                    "bank_fee",
                                    "interest",
                                    "bail_returned",
                                    "bail_forfeited",
                                    "opening",
                                    "past_payment",
                                    "allocation",
                                    "release",
                                    "disbursement",
                                    "bail_paid",
                                    "cover",
                                    "exchange",
                                    "surplus",
                                    "partner_payment",
                                ],
                            )
                        ),
                        name="entry_kind_known",
                    ),
                ),
                migrations.AddField(
                    model_name="statementmatch",
                    name="partner_payment",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="matches",
                        to="donations.partnerpayment",
                        verbose_name="payment to the partner",
                    ),
                ),
                migrations.AddIndex(
                    model_name="statementmatch",
                    index=models.Index(
                        condition=models.Q(("partner_payment__isnull", False)),
                        fields=["partner_payment"],
                        name="match_of_partner_payment",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="statementmatch",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("payout", None),
                                ("refund_request", None),
                                models.Q(("explanation", ""), _negated=True),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("refund_request", None),
                                ("explanation", ""),
                                ("payout__isnull", False),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("disbursement__isnull", False),
                                ("explanation", ""),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("donation__isnull", False),
                                ("explanation", ""),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("deposit__isnull", False),
                                ("explanation", ""),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("payout", None),
                                ("explanation", ""),
                                ("refund_request__isnull", False),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("exchange__isnull", False),
                                ("explanation", ""),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("partner_payment", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("explanation", ""),
                                ("own_transfer__isnull", False),
                            ),
                            models.Q(
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("bail_outcome__isnull", False),
                                ("explanation", ""),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("collection__isnull", False),
                                ("explanation", ""),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("explanation", ""),
                                ("partner_payment__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="match_is_one_thing",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="statementmatch",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(
                            ("partner_payment__isnull", False),
                            ("undone_at", None),
                            ("amount__lt", 0),
                        ),
                        fields=("partner_payment",),
                        name="match_partner_payment_once_out",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="statementmatch",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(
                            ("partner_payment__isnull", False),
                            ("undone_at", None),
                            ("amount__gt", 0),
                        ),
                        fields=("partner_payment",),
                        name="match_partner_payment_once_in",
                    ),
                ),
            ]
        ),
    ]

"""What happened before these books began: asked for by one person, approved by another, never changed after."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import defensefund.privacy

# A request is decided once and never deleted; what a row of the past says is never changed, only who gave forgotten.
RULES = """
ALTER TABLE donations_pastrow ADD CONSTRAINT pastrow_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)) AND fee = round(fee, donations_exponent(currency)));

CREATE FUNCTION donations_pastimport_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an import of the past is never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'past_import_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL THEN
            RAISE EXCEPTION 'an import of the past starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'past_import_starts_as_request';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.approved_at IS NOT NULL OR OLD.refused_at IS NOT NULL
       OR (NEW.name, NEW.sha256, NEW.requested_by_id, NEW.requested_at)
          IS DISTINCT FROM (OLD.name, OLD.sha256, OLD.requested_by_id, OLD.requested_at)
       OR NEW.table NOT IN (OLD.table, '') THEN
        RAISE EXCEPTION 'an import of the past is decided once, as it was asked for'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'past_import_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER past_import_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_pastimport
    FOR EACH ROW EXECUTE FUNCTION donations_pastimport_steps();

CREATE FUNCTION donations_pastrow_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT 1 FROM donations_pastimport WHERE id = NEW.past_import_id AND approved_at IS NOT NULL) THEN
            RAISE EXCEPTION 'a row of the past is booked when its import is approved'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'past_row_is_approved';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR NEW.forgotten_at IS NULL OR OLD.forgotten_at IS NOT NULL
       OR to_jsonb(NEW) - ARRAY['supporter_name', 'supporter_email', 'note', 'forgotten_at']
          IS DISTINCT FROM to_jsonb(OLD) - ARRAY['supporter_name', 'supporter_email', 'note', 'forgotten_at'] THEN
        RAISE EXCEPTION 'a row of the past stays as it was booked'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'past_row_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER past_row_stays BEFORE INSERT OR UPDATE OR DELETE ON donations_pastrow
    FOR EACH ROW EXECUTE FUNCTION donations_pastrow_stays();
"""
RULES_BACK = """
DROP TRIGGER past_row_stays ON donations_pastrow;
DROP FUNCTION donations_pastrow_stays();
DROP TRIGGER past_import_steps ON donations_pastimport;
DROP FUNCTION donations_pastimport_steps();
ALTER TABLE donations_pastrow DROP CONSTRAINT pastrow_amount_exact;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("appeals", "0002_review_and_consent_in_the_database"),
        ("donations", "0043_third_person_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="PastImport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="file name")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("table", defensefund.privacy.EncryptedTextField(blank=True, verbose_name="table")),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("approved_at", models.DateTimeField(null=True, verbose_name="approved at")),
                ("refused_at", models.DateTimeField(null=True, verbose_name="refused at")),
                (
                    "refusal_reason",
                    models.TextField(blank=True, verbose_name="reason of the refusal"),
                ),
            ],
            options={
                "verbose_name": "import of the past",
                "verbose_name_plural": "imports of the past",
                "ordering": ["-pk"],
                "permissions": [
                    ("request_pastimport", "Can ask to book a spreadsheet of the past"),
                    ("approve_pastimport", "Can approve a spreadsheet of the past"),
                ],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="PastRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("row", models.PositiveIntegerField(verbose_name="row")),
                ("key", models.CharField(max_length=32, unique=True, verbose_name="key")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("gift", "gift"),
                            ("payment", "payment"),
                            ("opening", "what was there before"),
                            ("cost", "cost still owed"),
                        ],
                        max_length=7,
                        verbose_name="kind",
                    ),
                ),
                ("happened_on", models.DateField(verbose_name="day")),
                (
                    "amount",
                    models.DecimalField(decimal_places=3, max_digits=21, verbose_name="amount"),
                ),
                (
                    "fee",
                    models.DecimalField(
                        decimal_places=3, default=0, max_digits=21, verbose_name="fee"
                    ),
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
                    "cost_kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("fees", "lawyers' fees"),
                            ("bail", "bail (a deposit)"),
                            ("court", "court fees and fines"),
                            ("experts", "experts and translators"),
                            ("travel", "travel to hearings"),
                            ("prison", "support in prison"),
                            ("family", "support of the family"),
                            ("medical", "medical and psychological care"),
                            ("security", "security after a raid"),
                            ("bank", "bank and exchange fees"),
                        ],
                        max_length=10,
                        verbose_name="kind of cost",
                    ),
                ),
                (
                    "supporter_name",
                    defensefund.privacy.EncryptedTextField(blank=True, verbose_name="who gave"),
                ),
                (
                    "supporter_email",
                    defensefund.privacy.EncryptedTextField(
                        blank=True, verbose_name="e-mail of who gave"
                    ),
                ),
                ("note", defensefund.privacy.EncryptedTextField(blank=True, verbose_name="note")),
                ("forgotten_at", models.DateTimeField(null=True, verbose_name="forgotten at")),
            ],
            options={
                "verbose_name": "row of the past",
                "verbose_name_plural": "rows of the past",
                "ordering": ["-pk"],
                "permissions": [("forget_pastrow", "Can forget who a gift of the past is from")],
                "default_permissions": ("view",),
            },
        ),
        migrations.RemoveConstraint(
            model_name="entry",
            name="entry_kind_known",
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
                ],
                max_length=20,
                verbose_name="kind",
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
                        ],
                    )
                ),
                name="entry_kind_known",
            ),
        ),
        migrations.AddField(
            model_name="pastimport",
            name="approved_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="approved by",
            ),
        ),
        migrations.AddField(
            model_name="pastimport",
            name="refused_by",
            field=models.ForeignKey(
                help_text="Who asked for it, when they withdrew it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="refused by",
            ),
        ),
        migrations.AddField(
            model_name="pastimport",
            name="requested_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="requested by",
            ),
        ),
        migrations.AddField(
            model_name="pastrow",
            name="bank_account",
            field=models.ForeignKey(
                help_text="Empty: in cash.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="past_rows",
                to="donations.bankaccount",
                verbose_name="bank account",
            ),
        ),
        migrations.AddField(
            model_name="pastrow",
            name="case",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="past_rows",
                to="appeals.case",
                verbose_name="case",
            ),
        ),
        migrations.AddField(
            model_name="pastrow",
            name="cost",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="past_row",
                to="donations.legalcost",
                verbose_name="legal cost",
            ),
        ),
        migrations.AddField(
            model_name="pastrow",
            name="defendant",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="past_rows",
                to="appeals.defendant",
                verbose_name="defendant",
            ),
        ),
        migrations.AddField(
            model_name="pastrow",
            name="donation",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="past_row",
                to="donations.donation",
                verbose_name="donation",
            ),
        ),
        migrations.AddField(
            model_name="pastrow",
            name="fund",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="past_rows",
                to="donations.fund",
                verbose_name="fund",
            ),
        ),
        migrations.AddField(
            model_name="pastrow",
            name="past_import",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="rows",
                to="donations.pastimport",
                verbose_name="import",
            ),
        ),
        migrations.AddConstraint(
            model_name="pastimport",
            constraint=models.UniqueConstraint(
                condition=models.Q(("approved_at", None), ("refused_at", None)),
                fields=("sha256",),
                name="past_import_waits_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="pastimport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by", None),
                    models.Q(("approved_by", models.F("requested_by")), _negated=True),
                    _connector="OR",
                ),
                name="past_import_approved_by_another_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="pastimport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("approved_at", None), ("approved_by", None)),
                    models.Q(("approved_at__isnull", False), ("approved_by__isnull", False)),
                    _connector="OR",
                ),
                name="past_import_approval_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="pastimport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("refusal_reason", ""), ("refused_at", None), ("refused_by", None)),
                    models.Q(
                        ("approved_at", None),
                        ("refused_at__isnull", False),
                        ("refused_by__isnull", False),
                        models.Q(("refusal_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="past_import_refusal_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="pastimport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("approved_at", None), ("refused_at", None)),
                    ("table", ""),
                    _connector="OR",
                ),
                name="past_import_table_until_decided",
            ),
        ),
        migrations.AddConstraint(
            model_name="pastrow",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0), ("fee__gte", 0)),
                name="past_row_amount_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="pastrow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("cost", None),
                        ("donation__isnull", False),
                        ("fund__isnull", False),
                        ("kind", "gift"),
                    ),
                    models.Q(
                        ("cost", None),
                        ("donation", None),
                        ("fee", 0),
                        ("fund__isnull", False),
                        ("kind__in", ["payment", "opening"]),
                    ),
                    models.Q(
                        ("bank_account", None),
                        ("cost__isnull", False),
                        ("donation", None),
                        ("fee", 0),
                        ("fund", None),
                        ("kind", "cost"),
                    ),
                    _connector="OR",
                ),
                name="past_row_names_what_it_is",
            ),
        ),
        migrations.AddConstraint(
            model_name="pastrow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("forgotten_at", None),
                    models.Q(("note", ""), ("supporter_email", ""), ("supporter_name", "")),
                    _connector="OR",
                ),
                name="past_row_forgotten_is_empty",
            ),
        ),
        migrations.RunSQL(RULES, RULES_BACK),
    ]

"""What an import writes for each line: without indexes that nobody reads by, and with one look at its file and account."""

import django.db.models.deletion
from django.db import migrations, models

# A line is of the account its file is of: one foreign key says so, in place of one for each of the two.
OF_ITS_FILE = """
ALTER TABLE donations_statementimport ADD CONSTRAINT statement_import_account UNIQUE (id, account_id);
ALTER TABLE donations_statementline ADD CONSTRAINT statement_line_of_its_file
    FOREIGN KEY (statement_id, account_id) REFERENCES donations_statementimport (id, account_id);
"""
OF_ITS_FILE_BACK = """
ALTER TABLE donations_statementline DROP CONSTRAINT statement_line_of_its_file;
ALTER TABLE donations_statementimport DROP CONSTRAINT statement_import_account;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0045_policy_limits"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="letter",
            name="letter_once_per_occasion",
        ),
        migrations.AlterField(
            model_name="donation",
            name="source",
            field=models.CharField(
                help_text="The fact behind it, the same as its ledger entry's source.",
                max_length=200,
                verbose_name="source",
            ),
        ),
        migrations.AlterField(
            model_name="donation",
            name="stripe_payment_intent_id",
            field=models.CharField(
                blank=True, max_length=255, null=True, verbose_name="Stripe payment"
            ),
        ),
        migrations.AlterField(
            model_name="letter",
            name="pledge",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="letters",
                to="donations.pledge",
                verbose_name="pledge",
            ),
        ),
        migrations.AlterField(
            model_name="letter",
            name="supporter",
            field=models.ForeignKey(
                db_index=False,
                help_text="To whom, when no longer to the gift's own address.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="letters",
                to="donations.supporter",
                verbose_name="supporter",
            ),
        ),
        migrations.AlterField(
            model_name="statementline",
            name="account",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="donations.bankaccount",
                verbose_name="bank account",
            ),
        ),
        migrations.AlterField(
            model_name="statementline",
            name="statement",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="donations.statementimport",
                verbose_name="statement",
            ),
        ),
        migrations.AlterField(
            model_name="statementmatch",
            name="source",
            field=models.CharField(
                blank=True,
                help_text="Of the entry it booked; empty where it only proves one that was there.",
                max_length=200,
                null=True,
                verbose_name="source",
            ),
        ),
        migrations.AddIndex(
            model_name="letter",
            index=models.Index(
                condition=models.Q(("supporter__isnull", False)),
                fields=["supporter"],
                name="letter_elsewhere",
            ),
        ),
        migrations.AddConstraint(
            model_name="donation",
            constraint=models.UniqueConstraint(fields=("source",), name="donation_source_once"),
        ),
        migrations.AddConstraint(
            model_name="donation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stripe_payment_intent_id__isnull", False)),
                fields=("stripe_payment_intent_id",),
                name="donation_payment_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="letter",
            constraint=models.UniqueConstraint(
                fields=("pledge", "kind", "donation", "occasion"),
                name="letter_once_per_occasion",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("source__isnull", False)),
                fields=("source",),
                name="match_source_once",
            ),
        ),
        migrations.RunSQL(OF_ITS_FILE, OF_ITS_FILE_BACK),
    ]

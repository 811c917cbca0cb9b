"""What somebody paid at Stripe past our pages is explained, too: as a gift, or as not ours; never what is of a gift of ours."""

from django.db import migrations, models

OF_NO_GIFT = """
CREATE FUNCTION donations_explanation_of_no_gift() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved record;
BEGIN
    -- Looked at when it is asked for, and again when it is booked.
    IF TG_OP = 'UPDATE' AND (OLD.approved_at IS NOT NULL OR NEW.approved_at IS NULL) THEN
        RETURN NEW;
    END IF;
    SELECT type, amount, is_dispute, stripe_payment_intent_id AS payment INTO moved
    FROM donations_balancetransaction WHERE id = NEW.movement_id;
    IF NEW.meaning = 'gift' AND (moved.type NOT IN ('charge', 'payment') OR moved.amount <= 0 OR moved.payment = '') THEN
        RAISE EXCEPTION 'only what somebody paid is a gift'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_as_a_gift_of_a_payment';
    END IF;
    IF moved.payment <> '' AND EXISTS (SELECT 1 FROM donations_donation WHERE stripe_payment_intent_id = moved.payment) THEN
        RAISE EXCEPTION 'what moved of a gift of ours is booked by itself'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_of_no_gift';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER explanation_of_no_gift BEFORE INSERT OR UPDATE OF approved_at ON donations_movementexplanation
    FOR EACH ROW EXECUTE FUNCTION donations_explanation_of_no_gift();
"""
OF_NO_GIFT_BACK = "DROP FUNCTION donations_explanation_of_no_gift CASCADE;"


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0043_line_references"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="movementexplanation",
            name="explanation_names_where_it_is_booked",
        ),
        migrations.AlterField(
            model_name="movementexplanation",
            name="meaning",
            field=models.CharField(
                choices=[
                    ("fee", "a charge or credit of Stripe's own, for a fund"),
                    ("gift", "a gift to a fund, made at Stripe past our pages"),
                    ("fund", "money of a fund that came or went another way"),
                    ("not_ours", "not ours: it goes back to whom it belongs"),
                    ("collected", "Stripe collected from our bank what it lacked"),
                ],
                max_length=10,
                verbose_name="what it is",
            ),
        ),
        migrations.AddConstraint(
            model_name="movementexplanation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("bank_account", None),
                        ("fund__isnull", False),
                        ("meaning__in", ["fee", "fund", "gift"]),
                    ),
                    models.Q(("bank_account", None), ("fund", None), ("meaning", "not_ours")),
                    models.Q(
                        ("bank_account__isnull", False), ("fund", None), ("meaning", "collected")
                    ),
                    _connector="OR",
                ),
                name="explanation_names_where_it_is_booked",
            ),
        ),
        migrations.AddConstraint(
            model_name="movementexplanation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("meaning", "gift"), _negated=True),
                    ("undone_at", None),
                    _connector="OR",
                ),
                name="explanation_as_a_gift_stays",
            ),
        ),
        migrations.RunSQL(OF_NO_GIFT, OF_NO_GIFT_BACK),
    ]

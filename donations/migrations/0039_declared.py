"""Who asks for a payment, or approves one, has said which account is theirs, or that they have none."""

from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

DECLARED = """
CREATE FUNCTION donations_disbursement_declared() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean := TG_OP = 'INSERT';
    acting bigint[] := ARRAY[
        CASE WHEN is_new OR NEW.requested_by_id IS DISTINCT FROM OLD.requested_by_id THEN NEW.requested_by_id END,
        CASE WHEN is_new OR NEW.approved_by_id IS DISTINCT FROM OLD.approved_by_id THEN NEW.approved_by_id END,
        CASE WHEN is_new OR NEW.seconded_by_id IS DISTINCT FROM OLD.seconded_by_id THEN NEW.seconded_by_id END];
BEGIN
    IF EXISTS (SELECT 1 FROM unnest(acting) AS who (id) WHERE id IS NOT NULL AND NOT EXISTS (
                   SELECT 1 FROM donations_staffaccount s WHERE s.user_id = who.id AND s.ended_at IS NULL)) THEN
        RAISE EXCEPTION 'who asks for a payment or approves it has said which account is theirs'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_by_who_declared';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disbursement_declared BEFORE INSERT OR UPDATE OF requested_by_id, approved_by_id, seconded_by_id
    ON donations_disbursement FOR EACH ROW EXECUTE FUNCTION donations_disbursement_declared();

-- That somebody has no account voids nothing.
DROP TRIGGER staff_account_voids ON donations_staffaccount;
CREATE TRIGGER staff_account_voids AFTER INSERT ON donations_staffaccount
    FOR EACH ROW WHEN (NEW.account_hash <> '') EXECUTE FUNCTION donations_staffaccount_voids();
"""
DECLARED_BACK = """
DROP FUNCTION donations_disbursement_declared CASCADE;
DROP TRIGGER staff_account_voids ON donations_staffaccount;
CREATE TRIGGER staff_account_voids AFTER INSERT ON donations_staffaccount
    FOR EACH ROW EXECUTE FUNCTION donations_staffaccount_voids();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0038_line_explanations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AlterField(
            model_name="staffaccount",
            name="account_hash",
            field=models.CharField(
                blank=True,
                db_index=True,
                help_text="Empty: they say that they have none.",
                max_length=64,
                verbose_name="account, keyed hash",
            ),
        ),
        migrations.RemoveConstraint(
            model_name="staffaccount", name="staff_account_ended_by_another_person"
        ),
        migrations.AddConstraint(
            model_name="staffaccount",
            constraint=models.CheckConstraint(
                name="staff_account_ended_by_another_person",
                condition=Q(ended_by=None, ended_at=None)
                | (
                    Q(ended_by__isnull=False, ended_at__isnull=False)
                    & (~Q(ended_by=F("user")) | Q(account_hash=""))
                ),
            ),
        ),
        migrations.RunSQL(DECLARED, DECLARED_BACK),
    ]

"""Who gives; may be nobody we know."""

from datetime import datetime

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from defensefund.privacy import EncryptedTextField, keyed_hash


class SupporterQuerySet(models.QuerySet["Supporter"]):
    def of_address(self, email: str, *, language: str, at: datetime) -> "Supporter":
        """The one row of an address, made at the instant `at` if it is new."""
        supporter, _is_new = self.get_or_create(
            email_hash=keyed_hash(email, purpose="email"),
            defaults={"email": email, "language": language, "created_at": at},
        )
        return supporter

    @transaction.atomic
    def rekey(self) -> int:
        """Writes every address with the present SECRET_KEY and FIELD_KEYS, so that it is found again; how many.

        Whoever gave again since the key was changed has two rows by then: they become one.
        """
        rows = list(self.select_for_update().order_by("pk"))
        present = {row.email_hash: row for row in rows}
        for row in rows:
            email_hash = keyed_hash(row.email, purpose="email")
            newer = present.get(email_hash, row)
            if newer == row:
                row.email_hash = email_hash
                row.save(update_fields=["email", "email_hash"])
                present[email_hash] = row
                continue
            for relation in row._meta.related_objects:
                relation.related_model._default_manager.filter(**{relation.field.name: row}).update(
                    **{relation.field.name: newer}
                )
            row.delete()
        return len(rows)


class Supporter(models.Model):
    """The address a receipt goes to, encrypted; a gift without one has no supporter at all."""

    email = EncryptedTextField(_("e-mail"))
    email_hash = models.CharField(
        _("e-mail, keyed hash"),
        max_length=64,
        unique=True,
        help_text=_("Finds the row of an address without storing the address in clear."),
    )
    language = models.CharField(_("language"), max_length=5)
    created_at = models.DateTimeField(_("created at"))

    objects = SupporterQuerySet.as_manager()

    class Meta:
        verbose_name = _("supporter")
        verbose_name_plural = _("supporters")
        indexes = [models.Index(name="supporter_by_day", fields=["created_at", "id"])]

    def __str__(self) -> str:
        return f"{_('supporter')} {self.pk}"

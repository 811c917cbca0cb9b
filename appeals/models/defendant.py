"""A defendant: an alias in the open, the name apart and encrypted, shown only inside recorded consent."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from defensefund.privacy import EncryptedTextField

from .case import Case


def new_key() -> str:
    return f"person-{secrets.token_hex(3)}"


class Defendant(models.Model):
    key = models.SlugField(
        _("key"),
        unique=True,
        default=new_key,
        help_text=_(
            "Stands for the person inside texts, as [[key]]; never shown. No part of the name."
        ),
    )
    alias = models.CharField(
        _("alias"),
        max_length=80,
        help_text=_("Shown wherever the name may not be. It must not give the person away."),
    )
    cases = models.ManyToManyField(
        Case, verbose_name=_("cases"), related_name="defendants", blank=True
    )

    class Meta:
        verbose_name = _("defendant")
        verbose_name_plural = _("defendants")
        ordering = ["alias", "pk"]
        permissions = [
            ("identify_defendant", _("Can read and write the names of defendants")),
            ("record_consent", _("Can record consent")),
            ("withdraw_consent", _("Can withdraw consent")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(alias__regex=r"\S"),
                name="defendant_has_alias",
                violation_error_message=_("A defendant needs an alias."),
            ),
        ]

    def __str__(self) -> str:
        return self.alias


class Identity(models.Model):
    """Who a defendant is. Public pages never read this table: they read the views in `consent`."""

    defendant = models.OneToOneField(
        Defendant, models.CASCADE, primary_key=True, related_name="identity"
    )
    name = EncryptedTextField(_("name"))

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")

    def __str__(self) -> str:
        return str(self.defendant)


class Consent(models.Model):
    """What a defendant agreed to have shown, for how long, and how we know. Written once; only withdrawn."""

    class Source(models.TextChoices):
        SIGNED = "signed", _("signed by the person")
        LAWYER = "lawyer", _("given through the person's lawyer")
        SPOKEN = "spoken", _("spoken before a witness")
        PUBLISHED = "published", _("named in the published appeal")

    defendant = models.ForeignKey(
        Defendant, models.PROTECT, verbose_name=_("defendant"), related_name="consents"
    )
    has_name = models.BooleanField(_("name"), default=False)
    has_photo = models.BooleanField(_("photo"), default=False)
    has_charge = models.BooleanField(
        _("charge"), default=False, help_text=_("To be named beside what is alleged.")
    )
    has_quotes = models.BooleanField(_("quotes"), default=False)
    source = models.CharField(_("how it was given"), max_length=20, choices=Source.choices)
    evidence = EncryptedTextField(
        _("evidence"), help_text=_("Where the signed paper or the record is kept.")
    )
    given_on = models.DateField(_("given on"), null=True, blank=True)
    expires_on = models.DateField(
        _("expires on"), null=True, blank=True, help_text=_("The last day. Empty: until withdrawn.")
    )
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("recorded by"),
        related_name="+",
    )
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("withdrawal recorded by"),
        related_name="+",
        null=True,
        blank=True,
    )

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ["-recorded_at", "-pk"]
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(has_name=True)
                | Q(has_photo=True)
                | Q(has_charge=True)
                | Q(has_quotes=True),
                name="consent_to_something",
                violation_error_message=_("Say what the person agreed to."),
            ),
            models.CheckConstraint(
                condition=~Q(evidence=""),
                name="consent_has_evidence",
                violation_error_message=_("Say where the evidence of consent is kept."),
            ),
            # The published appeal carries no date; every other consent was given on a day.
            models.CheckConstraint(
                condition=Q(given_on__isnull=False) | Q(source="published"),
                name="consent_given_on_a_day",
                violation_error_message=_("Say on which day consent was given."),
            ),
            models.CheckConstraint(
                condition=Q(given_on__isnull=True)
                | Q(expires_on__isnull=True)
                | Q(expires_on__gte=F("given_on")),
                name="consent_expires_after_given",
                violation_error_message=_("Consent expires before it was given."),
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="consent_withdrawn_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.defendant}: {self.scope_display()}"

    def scope_display(self) -> str:
        """What was agreed to, in words: "name, charge"."""
        scopes = ("has_name", "has_photo", "has_charge", "has_quotes")
        return ", ".join(
            str(self._meta.get_field(scope).verbose_name)  # type: ignore[union-attr]
            for scope in scopes
            if getattr(self, scope)
        )

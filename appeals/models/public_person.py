"""The people public pages may show: database views that yield a name only inside valid consent."""

from django.db import models

from defensefund.privacy import EncryptedTextField

from .appeal import Appeal
from .case import Case
from .defendant import Consent, Defendant


class ConsentedName(EncryptedTextField):
    """Ciphertext of Identity.name; the view gives NULL where nothing may be shown."""

    def _context(self) -> str:
        return "appeals.identity.name"


class PublicPerson(models.Model):
    """What both views have in common: what to call the person, and why."""

    key = models.SlugField()
    alias = models.CharField(max_length=80)
    name = ConsentedName(null=True)
    name_source = models.CharField(max_length=20, choices=Consent.Source.choices, null=True)  # noqa: DJ001 - NULL: no name

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        return self.name or self.alias

    @property
    def is_named_by_appeal(self) -> bool:
        return self.name_source == Consent.Source.PUBLISHED


class PublicDefendant(PublicPerson):
    """One row per defendant and published appeal; the name needs consent to the name."""

    id = models.CharField(primary_key=True, max_length=50)
    defendant = models.ForeignKey(Defendant, models.DO_NOTHING, related_name="+")
    appeal = models.ForeignKey(Appeal, models.DO_NOTHING, related_name="public_defendants")

    class Meta:
        managed = False
        db_table = "appeals_public_defendant"
        ordering = ["defendant_id"]
        default_permissions = ()


class PublicParty(PublicPerson):
    """One row per defendant and published case; where the case states a charge, the name needs consent to it too."""

    id = models.CharField(primary_key=True, max_length=50)
    defendant = models.ForeignKey(Defendant, models.DO_NOTHING, related_name="+")
    case = models.ForeignKey(Case, models.DO_NOTHING, related_name="public_parties")

    class Meta:
        managed = False
        db_table = "appeals_public_party"
        ordering = ["defendant_id"]
        default_permissions = ()

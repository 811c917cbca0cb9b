"""The sample funds: a general one, and one for each appeal and each of its cases."""

from appeals.models import Appeal, Case
from donations.models import Fund

# What the office calls the funds, by the slugs of what they are for: short, since they stand in every list.
FUND_NAMES = {
    "ejemplo": "Huelga del puerto (muestra)",
    "muelle": "Corte del muelle (muestra)",
    "protesta-argentina": "Llamado argentino",
    "ley-bases": "Ley Bases",
    "20-de-diciembre": "20 de diciembre",
    "citaciones": "Citaciones",
    "publicaciones-en-x": "Comentarios en X",
}


def make_funds(appeals: list[Appeal], sample_case: Case) -> Fund:
    """Makes them all; gives back the one of `sample_case`."""
    general = Fund.objects.create(
        code="general",
        kind=Fund.Kind.GENERAL,
        name="Fondo general",
        purpose="Costos legales de cualquiera de las personas que el fondo defiende.",
    )
    for appeal in appeals:
        own = Fund.objects.create(
            code=appeal.slug,
            kind=Fund.Kind.APPEAL,
            appeal=appeal,
            name=FUND_NAMES.get(appeal.slug, appeal.slug),
            purpose="Costos legales de las personas de este llamamiento.",
            fallback=general,
        )
        for case in appeal.cases.all():
            Fund.objects.create(
                code=f"{appeal.slug}-{case.slug}"[:50],
                kind=Fund.Kind.CASE,
                case=case,
                name=FUND_NAMES.get(case.slug, case.slug),
                purpose="Costos legales de esta causa.",
                fallback=own,
            )
    return Fund.objects.get(case=sample_case)

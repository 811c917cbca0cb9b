"""The objects an act is about, held until it is done."""

from donations.sandbox.errors import missing
from donations.sandbox.models import SandboxObject


def locked(object_id: str, kind: str) -> SandboxObject:
    """SandboxError when there is none of this kind."""
    try:
        return SandboxObject.objects.select_for_update().get(id=object_id, kind=kind)
    except SandboxObject.DoesNotExist as error:
        raise missing(object_id, kind) from error

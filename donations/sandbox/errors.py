"""Stripe's way of saying no."""

from typing import Any


class SandboxError(Exception):
    """Becomes Stripe's error body: an HTTP status, a type, perhaps a code and the parameter it is about.

    Nothing was done; except for a CardError.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int = 400,
        type: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.param, self.status, self.type = (
            message,
            code,
            param,
            status,
            type,
        )

    def body(self) -> dict[str, Any]:
        error = {
            "type": self.type,
            "message": self.message,
            "code": self.code,
            "param": self.param,
        }
        return {"error": {name: value for name, value in error.items() if value is not None}}


class CardError(SandboxError):
    """The bank said no to a charge that was tried: what that left behind stays, as does this answer to its key."""

    def __init__(self, intent: dict[str, Any]) -> None:
        """`intent` is the payment, or the wish to keep a card, that carries the bank's answer."""
        failure = intent.get("last_payment_error") or intent["last_setup_error"]
        super().__init__(failure["message"], code=failure["code"], status=402, type="card_error")
        self.details = {
            "charge": failure.get("charge"),
            "decline_code": failure["decline_code"],
            intent["object"]: intent,
        }

    def body(self) -> dict[str, Any]:
        body = super().body()
        body["error"] |= {name: value for name, value in self.details.items() if value is not None}
        return body


def missing(object_id: str, kind: str) -> SandboxError:
    return SandboxError(
        f"No such {kind}: '{object_id}'", code="resource_missing", param="id", status=404
    )

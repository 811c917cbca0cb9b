"""Stripe's way of saying no."""

from typing import Any


class SandboxError(Exception):
    """Becomes Stripe's error body: an HTTP status, a type, perhaps a code and the parameter it is about."""

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


def missing(object_id: str, kind: str) -> SandboxError:
    return SandboxError(
        f"No such {kind}: '{object_id}'", code="resource_missing", param="id", status=404
    )

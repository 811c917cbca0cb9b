"""A request's parameters, read and checked by the SDK's own types: what they do not allow, Stripe would not take.

The SDK is generated from Stripe's specification of the pinned API version, so its TypedDicts are that specification.
"""

import re
import typing
from decimal import Decimal, InvalidOperation
from functools import cache
from types import UnionType
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin
from urllib.parse import parse_qsl

from stripe import RequestOptions
from typing_extensions import get_type_hints, is_typeddict

from .errors import SandboxError

# Not parameters of the API but options of the SDK's older calling style, which its types still mix in.
OPTIONS = frozenset(RequestOptions.__annotations__)
# Stripe's own limits on metadata.
MOST_KEYS, LONGEST_KEY, LONGEST_VALUE = 50, 40, 500


def tree(encoded: str) -> dict[str, Any]:
    """Stripe's form encoding as nested dicts and lists of text: "a[b][0]=c" → {"a": {"b": ["c"]}}."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        keys = [name.split("[")[0], *re.findall(r"\[([^\]]*)\]", name)]
        here = root
        for key in keys[:-1]:
            here = here.setdefault(key, {})
            if not isinstance(here, dict):
                raise _bad(name, f"Invalid {keys[0]}: both a value and an object.")
        if keys[-1] == "":  # "expand[]=…", without a number
            keys[-1] = str(len(here))
        here[keys[-1]] = value
    result: dict[str, Any] = _lists(root)
    return result


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdecimal() for key in node):
        return [_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _lists(value) for key, value in node.items()}


def read(params: dict[str, Any], shape: type) -> dict[str, Any]:
    """The parameters with numbers and booleans as such; SandboxError names the first that `shape` does not allow."""
    result: dict[str, Any] = _read(params, shape, "")
    return result


@cache
def _hints(shape: type) -> dict[str, Any]:
    # Two names the generated modules import for type checkers only.
    names = {"StripeContext": object, "Mapping": typing.Mapping, "Dict": dict}
    return get_type_hints(shape, localns=names, include_extras=True)


def _read(value: Any, shape: Any, path: str) -> Any:
    while get_origin(shape) in (NotRequired, Required):
        shape = get_args(shape)[0]
    origin = get_origin(shape)
    if is_typeddict(shape):
        return _read_object(value, shape, path)
    if origin in (Union, UnionType):
        return _read_union(value, shape, path)
    if origin is Literal:
        if value not in get_args(shape):
            raise _bad(
                path, f"Invalid {path}: must be one of {', '.join(map(str, get_args(shape)))}"
            )
        return value
    if origin is list:
        if not isinstance(value, list):
            raise _bad(path, f"Invalid array: {path}")
        return [_read(item, get_args(shape)[0], f"{path}[{n}]") for n, item in enumerate(value)]
    if origin is dict:
        return _read_map(value, shape, path)
    return _read_scalar(value, shape, path)


def _read_object(value: Any, shape: type, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _bad(path, f"Invalid object: {path}")
    hints = {name: hint for name, hint in _hints(shape).items() if path or name not in OPTIONS}
    read: dict[str, Any] = {}
    for name, item in value.items():
        where = f"{path}[{name}]" if path else name
        if name not in hints:
            raise _bad(where, f"Received unknown parameter: {where}", code="parameter_unknown")
        read[name] = _read(item, hints[name], where)
    for name in sorted(getattr(shape, "__required_keys__", ())):
        if name in hints and name not in value:
            where = f"{path}[{name}]" if path else name
            raise _bad(where, f"Missing required param: {where}.", code="parameter_missing")
    return read


def _read_map(value: Any, shape: Any, path: str) -> dict[str, Any]:
    """Metadata and the like: keys of the caller's own."""
    if not isinstance(value, dict):
        raise _bad(path, f"Invalid object: {path}")
    if len(value) > MOST_KEYS or any(len(key) > LONGEST_KEY for key in value):
        raise _bad(path, f"{path} takes {MOST_KEYS} keys of {LONGEST_KEY} characters.")
    read = {key: _read(item, get_args(shape)[1], f"{path}[{key}]") for key, item in value.items()}
    for key, item in read.items():
        if isinstance(item, str) and len(item) > LONGEST_VALUE:
            raise _bad(f"{path}[{key}]", f"{path}[{key}] takes {LONGEST_VALUE} characters.")
    return read


def _read_union(value: Any, shape: Any, path: str) -> Any:
    # UntypedStripeObject is how the SDK types one of its own answers sent back: on the wire the same as a dict.
    choices = [
        choice
        for choice in get_args(shape)
        if choice is not type(None) and getattr(get_origin(choice), "__name__", "") != UNTYPED
    ]
    # "Literal[…] | str" is how the SDK types an enum that may grow; Stripe itself refuses other values.
    # Literal[""] is not one: it empties what is there.
    if any(get_origin(choice) is Literal and get_args(choice) != ("",) for choice in choices):
        choices = [choice for choice in choices if choice is not str]
    refusals = []
    for choice in choices:
        try:
            return _read(value, choice, path)
        except SandboxError as error:
            refusals.append(error)
    # The deepest refusal is of the choice that was meant.
    raise max(refusals, key=lambda error: len(error.param or ""))


UNTYPED = "UntypedStripeObject"


def _read_scalar(value: Any, shape: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise _bad(path, f"Invalid string: {path}")
    if shape is str:
        return value
    if shape is int:
        if not re.fullmatch(r"-?[0-9]+", value):
            raise _bad(path, f"Invalid integer: {value}", code="parameter_invalid_integer")
        return int(value)
    if shape is bool:
        if value not in {"true", "false"}:
            raise _bad(path, f"Invalid boolean: {value}")
        return value == "true"
    if shape in (float, Decimal):
        try:
            return shape(value)
        except (ValueError, InvalidOperation) as error:
            raise _bad(path, f"Invalid decimal: {value}") from error
    raise _bad(path, f"The sandbox cannot read {path}.")


def _bad(param: str, message: str, *, code: str | None = None) -> SandboxError:
    return SandboxError(message, code=code, param=param)

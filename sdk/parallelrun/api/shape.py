"""What may stand where in a manifest, asked of the models: for defaults, ``--set`` and the words of errors."""

from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from parallelrun.api.models.base import Model
from parallelrun.api.problems import Path


def plain(annotation: Any) -> Any:
    """``annotation`` without Annotated and without None."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, UnionType):
            kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
            if len(kinds) != 1:
                return annotation
            annotation = kinds[0]
        else:
            return annotation


def is_model(annotation: Any) -> bool:
    """Whether an object with known fields stands there."""
    return isinstance(annotation, type) and issubclass(annotation, Model)


def fields(model: type[Model]) -> dict[str, FieldInfo]:
    """The fields by the names that they have in YAML."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def child(annotation: Any, part: str | int) -> Any:
    """What stands under ``part`` (a key, or an index of a list) of ``annotation``; None: nothing may."""
    if is_model(annotation):
        info = fields(annotation).get(str(part))
        return None if info is None else plain(info.annotation)
    origin = get_origin(annotation)
    if origin is list and isinstance(part, int):
        return plain(get_args(annotation)[0])
    if origin is dict and isinstance(part, str):
        return plain(get_args(annotation)[1])
    return Any if annotation is Any else None


def at(root: Any, path: Path) -> Any:
    """What stands at ``path``; None: nothing may."""
    for part in path:
        root = child(root, part)
    return root


def with_defaults(annotation: Any, value: Any) -> Any:
    """``value`` with the defaults that the API server fills in; what has a wrong type stays as it is."""
    if is_model(annotation) and isinstance(value, dict):
        filled = dict(value)
        for name, info in fields(annotation).items():
            if name not in filled:
                default = default_of(info)
                if default is None:
                    continue
                filled[name] = default
            filled[name] = with_defaults(plain(info.annotation), filled[name])
        return filled
    if get_origin(annotation) is list and isinstance(value, list):
        return [with_defaults(plain(get_args(annotation)[0]), item) for item in value]
    return value


def default_of(info: FieldInfo) -> Any:
    """A field's default as YAML would say it; None: it has none."""
    if info.is_required():
        return None
    if is_model(info.default_factory):
        return {}
    return info.get_default()


def without_nulls(value: Any) -> Any:
    """``value`` without keys whose value is null: the API server takes them as not given, so they are not here."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


_TYPE_WORDS = {int: "integer", float: "number", bool: "boolean", str: "string", list: "array", dict: "object"}


def type_word(annotation: Any) -> str:
    """The OpenAPI type, which is what ``kubectl apply`` would say."""
    origin = get_origin(annotation) or annotation
    if origin in (Union, UnionType):
        return " or ".join(type_word(kind) for kind in get_args(annotation))
    return "object" if is_model(annotation) else _TYPE_WORDS.get(origin, "string")


def value_type_word(value: Any) -> str:
    """The OpenAPI type of a value."""
    return "null" if value is None else _TYPE_WORDS.get(type(value), "string")

"""How every model of the manifest behaves, said once.

Strict, because the API server is: ``nodeCount: "4"`` is refused by ``kubectl apply``, so it is refused here. Unknown
fields are errors, because a misspelt threshold that is silently ignored costs a five-hour run. Names are camelCase in
YAML and snake_case in Python. Descriptions and examples are part of each field: ``kubectl explain`` and the error
reports are made of them.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A part of the manifest. Nothing changes after it was read."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        allow_inf_nan=False,
        defer_build=True,
        protected_namespaces=(),
    )


def part(model: type[Model], description: str, example: dict[str, Any]) -> Any:
    """A field that holds ``model``, with all its defaults where it is not given."""
    return Field(default_factory=model, description=description, examples=[example], json_schema_extra={"default": {}})


# Bounds exist so that the API server can bound the cost of the CEL rules; they are far above any real manifest.
Text = Annotated[str, Field(max_length=1024)]
Name = Annotated[str, Field(min_length=1, max_length=63)]
ObjectName = Annotated[str, Field(min_length=1, max_length=253)]
PathText = Annotated[str, Field(min_length=1, max_length=1024)]
IntOrString = Annotated[int | str, Field(json_schema_extra={"x-kubernetes-int-or-string": True})]
Separator = Annotated[str, Field(min_length=1, max_length=1)]
MAX_INT32 = 2**31 - 1
MAX_SECONDS = 259_200  # three days, as in Azure ML

"""What pipelines are made of: parameters, and steps that refer to them and to each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from parallelrun.client.job import Number, Part, PathLike
from parallelrun.client.spec import Json, script_spec

if TYPE_CHECKING:
    from parallelrun.client.job import Job

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


class Parameter:
    """A value that each run of a pipeline may set. In a step it stands for that value: a field, or part of a text."""

    def __init__(
        self,
        name: str,
        default: str | int | float | bool | None = None,
        *,
        type: str | None = None,
        description: str = "",
    ) -> None:
        """``type``: string, integer, number, boolean, dataset or model; by default that of ``default``, else string.

        Without a default, each run has to set it.
        """
        self.name, self.default, self.description = name, default, description
        self.type = type or _TYPES.get(default.__class__, "string")

    def as_spec(self) -> str:
        """Where it stands in a step."""
        return f"$(params.{self.name})"

    def definition(self) -> Json:
        """As ``spec.parameters`` has it."""
        said: Json = {"name": self.name, "type": self.type}
        if self.default is not None:
            said["default"] = self.default
        return said | ({"description": self.description} if self.description else {})

    def __str__(self) -> str:
        return self.as_spec()

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, {self.default!r}, type={self.type!r})"


class OutputReferences(Mapping[str, str]):
    """What stands, in other steps, for the folders that a step writes, by their names."""

    def __init__(self, step: str, names: Sequence[str]) -> None:
        self._step, self._names = step, tuple(names)

    def __getitem__(self, name: str) -> str:
        if name not in self._names:
            raise KeyError(f"step {self._step} has no output {name}: {', '.join(self._names) or 'it has none'}")
        return f"$(steps.{self._step}.outputs.{name})"

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class AnyStep:
    """A step of a pipeline; it starts when every step that it depends on, or whose outputs it names, has succeeded."""

    def __init__(self, name: str, depends_on: Sequence[AnyStep | str], allow_reuse: bool) -> None:
        self.name = name
        self.depends_on = [one if isinstance(one, str) else one.name for one in depends_on]
        self.allow_reuse = allow_reuse

    @property
    def outputs(self) -> OutputReferences:
        """Its output folders, for paths of other steps: ``prepare.outputs["prepared"]``."""
        return OutputReferences(self.name, self._output_names())

    def _output_names(self) -> list[str]:
        raise NotImplementedError

    def body(self) -> Json:
        """``{"job": ...}`` or ``{"script": ...}``."""
        raise NotImplementedError

    def as_spec(self) -> Json:
        """As ``spec.steps`` has it."""
        said: Json = {"name": self.name}
        if self.depends_on:
            said["dependsOn"] = list(self.depends_on)
        if not self.allow_reuse:
            said["allowReuse"] = False
        return said | self.body()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Step(AnyStep):
    """A job: mini-batches in parallel."""

    def __init__(self, name: str, job: Job, depends_on: Sequence[AnyStep | str] = (), allow_reuse: bool = True) -> None:
        """``allow_reuse``: whether an earlier run's result is taken where nothing has changed."""
        super().__init__(name, depends_on, allow_reuse)
        self.job = job

    @property
    def output(self) -> str:
        """In other steps: the folder of the job's output."""
        return f"$(steps.{self.name}.output)"

    @property
    def file(self) -> str:
        """In other steps: the file of the job's output."""
        return f"$(steps.{self.name}.file)"

    def _output_names(self) -> list[str]:
        return [str(one["name"]) for one in self.job.spec.get("outputs") or []]

    def body(self) -> Json:
        """The job's spec."""
        return {"job": self.job.spec}


class ScriptStep(AnyStep):
    """A program that runs once."""

    def __init__(
        self,
        name: str,
        *,
        source: PathLike | Part,
        entry_script: PathLike,
        arguments: Sequence[object] = (),
        outputs: Mapping[str, PathLike | None] | Sequence[str | Part] = (),
        side_inputs: Mapping[str, PathLike] | Sequence[Part] | None = None,
        models: Mapping[str, PathLike] | Sequence[str | Part] | None = None,
        environment: str | Part | None = None,
        compute_target: str | Parameter | None = None,
        resources: Part | None = None,
        timeout_seconds: Number | None = None,
        max_try: Number | None = None,
        node_selector: Mapping[str, str] | None = None,
        tolerations: Sequence[Part] | None = None,
        priority_class_name: str | None = None,
        service_account_name: str | None = None,
        logging_level: str | Parameter | None = None,
        depends_on: Sequence[AnyStep | str] = (),
        allow_reuse: bool = True,
    ) -> None:
        """As :class:`Job`; an output by its name alone gets a folder of the run's own."""
        super().__init__(name, depends_on, allow_reuse)
        self.script: Json = script_spec(
            {
                "source": source, "entry_script": entry_script, "arguments": list(arguments) or None,
                "side_inputs": side_inputs, "models": models, "outputs": outputs or None, "environment": environment,
                "compute_target": compute_target, "resources": resources, "timeout_seconds": timeout_seconds,
                "max_try": max_try, "node_selector": node_selector, "tolerations": tolerations,
                "priority_class_name": priority_class_name, "service_account_name": service_account_name,
                "logging_level": logging_level,
            }
        )  # fmt: skip

    def _output_names(self) -> list[str]:
        return [str(one["name"]) for one in self.script.get("outputs") or []]

    def body(self) -> Json:
        """The program."""
        return {"script": self.script}


class WrittenStep(AnyStep):
    """A step as a YAML file has it."""

    def __init__(self, written: Mapping[str, Any]) -> None:
        super().__init__(
            str(written.get("name") or ""), list(written.get("dependsOn") or []), written.get("allowReuse", True)
        )
        self._body = {key: value for key, value in written.items() if key not in ("name", "dependsOn", "allowReuse")}

    def _output_names(self) -> list[str]:
        body: Any = self._body.get("script") or self._body.get("job") or {}
        return [str(one["name"]) for one in body.get("outputs") or []]

    def body(self) -> Json:
        """As it was written."""
        return self._body

"""Each field of Config is a flag; the Deployment's environment tells a replica who it is."""

from __future__ import annotations

import dataclasses

import pytest

from parallelrun_operator.config import Config
from parallelrun_operator.flags import parse


def test_without_flags_everything_but_the_identity_is_as_config_has_it() -> None:
    config = parse([], {})
    assert config.identity
    assert dataclasses.replace(config, identity="") == Config()


def test_flags_are_the_names_of_fields_with_dashes() -> None:
    flags = {
        "--runner-image=registry/runner:1": {"runner_image": "registry/runner:1"},
        "--runner-pull-secrets=a, b": {"runner_pull_secrets": ("a", "b")},
        '--agent-resources={"limits": {"cpu": 1}}': {"agent_resources": {"limits": {"cpu": 1}}},
        "--run-as-user=": {"run_as_user": None},
        "--fs-group=7": {"fs_group": 7},
        "--watch-namespaces=": {"watch_namespaces": ()},
        "--workers=9": {"workers": 9},
    }
    expected = {name: value for one in flags.values() for name, value in one.items()}
    config = parse(list(flags), {})
    assert {name: getattr(config, name) for name in expected} == expected


def test_the_pod_tells_who_it_is() -> None:
    config = parse([], {"POD_NAME": "operator-7", "POD_NAMESPACE": "system", "POD_UID": "123"})
    assert (config.identity, config.namespace, config.pod_uid) == ("operator-7", "system", "123")


def test_a_flag_outdoes_the_environment() -> None:
    assert parse(["--identity=me"], {"POD_NAME": "operator-7"}).identity == "me"


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--agent-resources=[]", "not a JSON object"),
        ("--agent-resources={", "--agent-resources"),
        ("--run-as-user=root", "--run-as-user"),
        ("--log-format=xml", "choose from"),
        ("--no-such-flag=1", "--no-such-flag"),
    ],
)
def test_a_wrong_flag_is_refused_by_name(flag: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([flag], {})
    assert ended.value.code == 2
    assert said in capsys.readouterr().err

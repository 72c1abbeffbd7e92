"""The lowest versions come from setup.cfg, and the Pythons that are tested are those that it names."""

from __future__ import annotations

import configparser
import re

import pytest

from tests.compat.surroundings import EXTRAS, MINORS, lowest
from tests.support import ROOT

SETUP = (ROOT / "setup.cfg").read_text(encoding="utf-8")
PARTS = """\
[options]
install_requires =
    click>=8.2
    pydantic>=2.7,<3;python_version<"3.13"
    pydantic>=2.8,<3;python_version>="3.13"
[options.extras_require]
aws =
    botocore>=1.34
fast =
    ruamel.yaml.clib>=0.2.12;platform_python_implementation=="CPython"
report =
    dulwich>=1.2.9,<2
webhook =
    {webhook}
test =
    pytest
"""


def test_a_lower_bound_becomes_a_constraint() -> None:
    assert lowest(PARTS.format(webhook="cryptography >= 42, != 43")) == [
        "click==8.2",
        'pydantic==2.7;python_version<"3.13"',
        'pydantic==2.8;python_version>="3.13"',
        "botocore==1.34",
        'ruamel.yaml.clib==0.2.12;platform_python_implementation=="CPython"',
        "dulwich==1.2.9",
        "cryptography==42",
    ]


@pytest.mark.parametrize("requirement", ["cryptography", "cryptography<50", "cryptography==42", "pkg[extra]>=1"])
def test_what_has_no_lower_bound_is_refused(requirement: str) -> None:
    with pytest.raises(ValueError, match="has no lower bound"):
        lowest(PARTS.format(webhook=requirement))


def test_the_extra_that_the_readme_installs_is_all_of_them() -> None:
    extras = configparser.ConfigParser()
    extras.read_string(SETUP)
    own = {name: text.split() for name, text in extras["options.extras_require"].items()}
    assert "pip install '.[all]'" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(own["all"]) == {requirement for name in EXTRAS for requirement in own[name]}
    assert set(own["webhook"]) == {"cryptography>=42"} < set(own["aws"])


def test_everything_that_the_program_needs_has_a_lower_bound() -> None:
    assert {line.partition("==")[0] for line in lowest(SETUP)} == {
        "botocore",
        "click",
        "cryptography",
        "dulwich",
        "pydantic",
        "ruamel.yaml",
        "ruamel.yaml.clib",
    }


def test_the_pythons_are_those_of_the_classifiers() -> None:
    assert re.findall(r"Programming Language :: Python :: 3\.(\d+)", SETUP) == [str(minor) for minor in MINORS]
    assert f"python_requires = >=3.{MINORS[0]}\n" in SETUP

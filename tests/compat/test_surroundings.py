"""The lowest versions come from setup.cfg, and the Pythons that are tested are those that it names."""

from __future__ import annotations

import configparser
import re

from tests.compat.surroundings import EXTRAS, MINORS, lowest
from tests.support import ROOT

SETUP = (ROOT / "setup.cfg").read_text(encoding="utf-8")


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

"""How the programs of a release of Kubernetes are built from its Go modules.

Its staging modules are releases of their own, v0.15.12 for v1.15.12. A current release is required by a module of our
own. An old one is built in a copy, with its own go.mod, what a current Go takes in place of what that requires, and the
file that is generated when it is built and not in the module: the definitions of the API that kubectl checks with.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.e2e.golang import Missing, compile_package, module_source, package_directories, run

__all__ = ["ETCD", "current_workspace", "old_requirements", "old_workspace", "version_flags"]

ETCD = "go.etcd.io/etcd/server/v3"
"""Of the release that this Kubernetes requires; it serves the older ones too."""
_MODULE = "k8s.io/kubernetes"
_VERSION_PACKAGES = (
    "k8s.io/component-base/version",
    "k8s.io/kubernetes/pkg/version",
    "k8s.io/kubernetes/pkg/kubectl/version",
    "k8s.io/client-go/pkg/version",
)
"""kubectl and the API server of older releases have one each."""
_STAGING = re.compile(r"^\t(k8s\.io/\S+) => \./staging/\S+\n", re.MULTILINE)
_REPLACED = {
    "vbom.ml/util": "github.com/fvbommel/util v0.0.0-20180919145318-efcd4e0f9787",  # the domain is gone
    "github.com/modern-go/reflect2": "github.com/modern-go/reflect2 v1.0.2",  # the first for maps of Go 1.18
    "golang.org/x/sys": "golang.org/x/sys v0.30.0",
}
"""What old releases require and a current Go cannot build, or nobody serves."""
_VALIDATE = "github.com/go-openapi/validate"
_IS_NULL = "data == nil || reflect.DeepEqual(reflect.Zero(reflect.TypeOf(data)), reflect.ValueOf(data))"
"""Two reflect.Values of an empty text differed in the Go of that time. In a current one they are the same, and an API
server built so refuses "" in custom resources as null: the daemon's IAMIdentityMappings with their empty userID."""
_DEFINITIONS = "pkg/generated/openapi"
_NO_DEFINITIONS = """\
package openapi

import "k8s.io/kube-openapi/pkg/common"

func GetOpenAPIDefinitions(common.ReferenceCallback) map[string]common.OpenAPIDefinition { return nil }
"""


def version_flags(version: str) -> tuple[str, ...]:
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    stamps = (f"-X {package}.{name}={value}" for package in _VERSION_PACKAGES for name, value in values.items())
    return (f"-ldflags={' '.join(stamps)}",)


def current_workspace(work: Path, version: str, packages: tuple[str, ...]) -> Path:
    """A directory to build the packages in, which may be etcd's too. Raises Missing."""
    go_mod = (module_source(_MODULE, version, work) / "go.mod").read_text(encoding="utf-8")
    release = version.replace("v1.", "v0.", 1)
    text = _STAGING.sub("", go_mod).replace(f"module {_MODULE}", "module example.org/e2e")
    text = re.sub(r"(k8s\.io/\S+) v0\.0\.0(?=\s)", rf"\1 {release}", text)
    text = text.replace("require (", f"require (\n\t{_MODULE} {version}", 1)
    text = re.sub(r"replace \(\s*\)", "", text)
    replaced = "".join(f"\t{name} => {name} {release}\n" for name in _STAGING.findall(go_mod))
    (work / "go.mod").write_text(f"{text}\nreplace (\n{replaced})\n", encoding="utf-8")
    imports = "".join(f'import _ "{package}"\n' for package in packages)
    (work / "tools.go").write_text(f"//go:build tools\n\npackage tools\n\n{imports}", encoding="utf-8")
    return work


def old_workspace(work: Path, version: str, packages: tuple[str, ...]) -> Path:
    """A copy of the module, whole, to build the packages in. Raises Missing."""
    source = work / "kubernetes"
    shutil.copytree(module_source(_MODULE, version, work), source, ignore=shutil.ignore_patterns("vendor"))
    run(["chmod", "-R", "u+w", str(source)], work)
    requirements = old_requirements(work, version)
    (source / "go.mod").write_text(_with_own_validation(work, requirements), encoding="utf-8")
    definitions = source / _DEFINITIONS / "zz_generated.openapi.go"
    definitions.write_text(_NO_DEFINITIONS, encoding="utf-8")
    definitions.write_bytes(_definitions(work, source, packages))
    return source


def old_requirements(work: Path, version: str) -> str:
    """The go.mod of an old release, as a current Go can build by it. Raises Missing."""
    go_mod = (module_source(_MODULE, version, work) / "go.mod").read_text(encoding="utf-8")
    release = version.replace("v1.", "v0.", 1)
    text = _STAGING.sub(rf"\t\1 => \1 {release}\n", go_mod)
    for name, replacement in _REPLACED.items():
        text = re.sub(rf"^\t{re.escape(name)} => .*$", f"\t{name} => {replacement}", text, flags=re.MULTILINE)
    return text


def _with_own_validation(work: Path, go_mod: str) -> str:
    """With the validation of custom resources as it was when it was built by the Go of its time."""
    found = re.search(rf"^\t{_VALIDATE} => {_VALIDATE} (\S+)$", go_mod, re.MULTILINE)
    if found is None:
        return go_mod
    own = work / "validate"
    shutil.copytree(module_source(_VALIDATE, found[1], work), own)
    run(["chmod", "-R", "u+w", str(own)], work)
    file = own / "type.go"
    text = file.read_text(encoding="utf-8")
    if _IS_NULL not in text:
        raise Missing(f"{_VALIDATE} {found[1]} is not as expected")
    file.write_text(text.replace(_IS_NULL, "data == nil"), encoding="utf-8")
    return go_mod.replace(found[0], f"\t{_VALIDATE} => {own}")


def _definitions(work: Path, source: Path, packages: tuple[str, ...]) -> bytes:
    """Made by the generator that this release pins, from all packages that are marked for it.

    It knows nothing of modules: they are laid out as GOPATH has them.
    """
    generator = work / "openapi-gen"
    compile_package(source, "k8s.io/kube-openapi/cmd/openapi-gen", generator)
    built_from: dict[str, tuple[Path, str, Path]] = {}
    for package in packages:
        built_from |= package_directories(source, package)
    gopath = work / "gopath"
    for module, root in {(module, root) for _, module, root in built_from.values()}:
        place = gopath / "src" / module
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(root)
    marked = sorted(path for path, (directory, _, _) in built_from.items() if _is_marked(directory))
    if not marked:
        raise Missing("no package of Kubernetes is marked for the definitions of its API")
    flags = ["-h", "hack/boilerplate/boilerplate.go.txt", "-r", str(work / "violations"), "-o", str(work / "made")]
    output = ["-p", f"{_MODULE}/{_DEFINITIONS}", "-O", "zz_generated.openapi"]
    environment = {"GO111MODULE": "off", "GOFLAGS": "", "GOPATH": str(gopath)}
    command = [str(generator), "--logtostderr", "-i", ",".join(marked), *output, *flags]
    run(command, gopath / "src" / _MODULE, environment)
    return (work / "made" / _MODULE / _DEFINITIONS / "zz_generated.openapi.go").read_bytes()


def _is_marked(directory: Path) -> bool:
    return any(b"+k8s:openapi-gen=" in file.read_bytes() for file in directory.glob("*.go"))

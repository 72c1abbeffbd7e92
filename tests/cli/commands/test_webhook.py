"""`webhook` and `doctor` as a person uses them."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tarmak_iam.doctor import examine_tree, read_tree
from tarmak_iam.pki import ServerNames, make_pair
from tests.support import ADMIN, ROOT, Shell
from tests.support.admin_certificates import NO_CERTIFICATE
from tests.support.masters import WEBHOOK, lay_master
from tests.support.os_calls import killed_at_each_change
from tests.support.webhook_pairs import NOW, files, lay, rsa_key

CERT, KEY, CONFIG = "cert.pem", "key.pem", "aws-iam-authenticator.kubeconfig"


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few keys instead of new ones, a different one each time."""
    numbers = iter(range(1, 100))

    def make(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        assert (public_exponent, key_size) == (65537, 2048)
        return rsa_key(next(numbers))

    monkeypatch.setattr("tarmak_iam.pki.webhook_pair.rsa.generate_private_key", make)


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_the_journey(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = shell.run("webhook", "--output-dir", out)
    assert done.out == f"wrote {out / KEY}\nwrote {out / CERT}\nwrote {out / CONFIG}\n"
    assert done.err == (
        "install these files on every master before its API server starts, owned by root:\n"
        "  cert.pem -> /var/aws-iam-authenticator/cert.pem (0644)\n"
        "  key.pem -> /var/aws-iam-authenticator/key.pem (0600)\n"
        "  aws-iam-authenticator.kubeconfig -> /etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml (0644)\n"
        "Tarmak's init unit keeps certificate and key, writes the kubeconfig again for "
        "https://localhost:21362/authenticate, and copies it to /etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml\n"
    )
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    checked = shell.run("doctor", out)
    assert checked.out == ""
    assert checked.err == (
        "no findings\n"
        "checked: cert.pem, key.pem, webhook kubeconfig\n"
        "not found: flags.txt, authenticator configuration, DaemonSet, client kubeconfig\n"
        "not compared with tarmak.yaml: no cluster is selected\n"
    )
    again = shell.run("webhook", "--output-dir", out, "--days", "5")
    assert again.out == f"unchanged {out / KEY}\nunchanged {out / CERT}\nunchanged {out / CONFIG}\n"
    assert again.err.startswith(
        "--days was ignored: the existing certificate and key are kept; use --renew to create new ones\n"
    )


def test_renewing_loses_nothing(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shell.run("webhook", "--output-dir", out)
    before = content(out)
    renewed = shell.run("webhook", "--output-dir", out, "--renew")
    assert renewed.err.endswith(
        "warning: IAM logins fail until the files are on all masters and both servers are restarted; "
        "the admin certificate was not examined\n"
    )
    after = content(out)
    for name, data in before.items():
        assert after[name] != data
        kept = [other for other in after if other.startswith(f"{name}.")]
        assert [after[other] for other in kept] == [data]
        mode = stat.S_IMODE((out / kept[0]).stat().st_mode)
        assert mode == (0o600 if name == KEY else 0o644)
    shell.run("doctor", out)


def test_an_open_key_is_closed(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shell.run("webhook", "--output-dir", out)
    (out / KEY).chmod(0o644)
    assert f"; run `chmod 600 {out / KEY}`, and if" in shell.run("doctor", out, code=1).out
    assert f"restricted {out / KEY}\n" in shell.run("webhook", "--output-dir", out).out
    assert stat.S_IMODE((out / KEY).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("args", "changes", "message"),
    [
        ((), {CERT: None}, f"{KEY}: error: key.pem exists without cert.pem, and a new certificate and key would"),
        ((), {KEY: None}, f"{CERT}: error: cert.pem exists without key.pem, and a new certificate and key would"),
        ((), {KEY: files(number=99)[KEY]}, f"{CERT}: error: key.pem is not the key of cert.pem"),
        ((), {KEY: b""}, f"{KEY}: error: key.pem cannot be used: it contains no PEM block of this type"),
        ((), {CERT: b"x"}, f"{CERT}: error: cert.pem cannot be used: it contains no PEM block of this type"),
        ((), {CERT: files()[CERT].replace(b"\nM", b"\nN", 1)}, f"{CERT}: error: cert.pem: it cannot be read"),
        ((), {KEY: files()[KEY].replace(b"\nM", b"\nN", 1)}, f"{KEY}: error: key.pem: it cannot be read"),
        (("--hostname", "a.b"), {}, f"{CERT}: error: the certificate is for localhost, 127.0.0.1, not for a.b"),
        (
            (),
            {CERT: files(days=100)[CERT]},
            f"{CERT}: error: the certificate is valid only from 2020-11-25 to 2021-03-05",
        ),
    ],
)
def test_a_pair_that_cannot_be_kept(
    shell: Shell, tmp_path: Path, args: Sequence[str], changes: dict[str, bytes | None], message: str
) -> None:
    out = tmp_path / "out"
    laid = {name: data for name, data in {**files(), **changes}.items() if data is not None}
    lay(out, laid)
    failed = shell.run("webhook", "--output-dir", out, *args, code=2)
    assert failed.err.startswith(f"{out}/{message}")
    assert "--renew" in failed.err
    assert content(out) == laid
    shell.run("webhook", "--output-dir", out, *args, "--renew")
    after = content(out)
    assert {data for name, data in after.items() if name not in (CERT, KEY, CONFIG)} == set(laid.values())
    shell.run("doctor", out)


class Killed(BaseException):
    """What no program can catch, as far as a test can have that."""


def fail_at(name: str, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of that name cannot be replaced. After a kill, no other can be either."""
    real, killed = os.replace, list[str]()

    def replace(source: str, target: Path) -> None:
        if Path(target).name == name or killed:
            if isinstance(error, Killed):
                killed.append(name)
            raise error
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)


def test_a_crash_between_two_files_is_noticed(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    shell.run("webhook", "--output-dir", out)
    before = content(out)
    with monkeypatch.context() as patch:
        fail_at(CERT, Killed(), patch)
        with pytest.raises(Killed):
            shell.run("webhook", "--output-dir", out, "--renew")
    assert set(before.values()) <= set(content(out).values())
    assert "[WEB020]" in shell.run("doctor", out, code=1).out
    assert "key.pem is not the key of cert.pem" in shell.run("webhook", "--output-dir", out, code=2).err


@pytest.mark.parametrize("name", [KEY, CERT, CONFIG])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_full_disk_leaves_all_as_it_was(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_there: bool
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    if is_there:
        shell.run("webhook", "--output-dir", out)
    before = content(out)
    with monkeypatch.context() as patch:
        fail_at(name, OSError(28, "No space left on device"), patch)
        failed = shell.run("webhook", "--output-dir", out, "--renew", code=2)
    assert failed.out == ""
    assert "No space left on device" in failed.err
    assert content(out) == before
    if is_there:
        assert stat.S_IMODE((out / KEY).stat().st_mode) == 0o600


def test_whoever_reads_the_lines_may_hang_up(tmp_path: Path) -> None:
    out, (reader, writer) = tmp_path / "out", os.pipe()
    os.close(reader)
    program = [sys.executable, "-m", "tarmak_iam", "webhook", "--output-dir", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    subprocess.run(program, check=False, env=environment, stdout=writer, stderr=subprocess.DEVNULL)
    os.close(writer)
    assert set(content(out)) == {KEY, CERT, CONFIG}


@pytest.mark.parametrize("args", [("webhook", "--output-dir", ""), ("render", "--output-dir", ""), ("doctor", "")])
def test_a_directory_of_no_name_is_not_the_working_one(shell: Shell, args: Sequence[str]) -> None:
    assert "the value is empty; specify a directory" in shell.run(*args, code=2).err


@pytest.mark.parametrize("name", [KEY, CERT, CONFIG])
def test_a_pipe_is_not_waited_for(shell: Shell, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    assert shell.run("webhook", "--output-dir", tmp_path, code=2).err == (
        f"{tmp_path / name}: error: this is a named pipe; specify a file\n"
    )


def test_a_crash_at_the_first_run_is_noticed_and_the_next_one_completes_it(shell: Shell, tmp_path: Path) -> None:
    out = lay(tmp_path / "out", {KEY: files()[KEY]})
    found = shell.run("doctor", out, code=1).out
    assert "[WEB002]" in found
    assert f"or run `tarmak-iam webhook --output-dir {out}`, which creates one for this key" in found
    done = shell.run("webhook", "--output-dir", out)
    assert done.out == f"unchanged {out / KEY}\nwrote {out / CERT}\nwrote {out / CONFIG}\n"
    assert done.err.startswith("created cert.pem for the existing key.pem, which an interrupted run may have left ")
    assert "IAM logins fail until the files are on all masters and both servers are restarted; " in done.err
    assert content(out).keys() == {KEY, CERT, CONFIG}
    assert content(out)[KEY] == files()[KEY]
    shell.run("doctor", out)


@pytest.mark.parametrize(
    "key",
    [b"", b"x", files()[KEY][:-20], files()[KEY].replace(b"\nM", b"\nN", 1), files()[KEY].replace(b"RSA ", b"")],
    ids=["empty", "text", "cut off", "wrong", "other label"],
)
def test_no_certificate_is_made_for_a_key_that_init_does_not_make(shell: Shell, tmp_path: Path, key: bytes) -> None:
    out = lay(tmp_path / "out", {KEY: key})
    failed = shell.run("webhook", "--output-dir", out, code=2)
    assert failed.err.startswith(f"{out / KEY}: error: key.pem exists without cert.pem, and a new certificate and key ")
    assert content(out) == {KEY: key}


def test_no_certificate_is_made_for_a_short_key(shell: Shell, tmp_path: Path) -> None:
    """Nor for a long one, which would take long."""
    key = make_pair(ServerNames(), now=NOW, key=rsa_key(0, 1024)).key
    out = lay(tmp_path / "out", {KEY: key})
    assert "key.pem exists without cert.pem" in shell.run("webhook", "--output-dir", out, code=2).err
    assert content(out) == {KEY: key}
    assert "which creates one for this key" not in shell.run("doctor", out, code=1).out


def test_no_certificate_is_offered_for_a_key_whose_certificate_is_lost(shell: Shell, tmp_path: Path) -> None:
    out = lay(tmp_path / "out", {KEY: files()[KEY], CONFIG: files()[CONFIG]})
    found = shell.run("doctor", out, code=1).out
    assert "restore cert.pem before `init` or the authenticator starts" in found
    assert "which creates one for this key" not in found


@pytest.mark.parametrize("options", [(), pytest.param(("--renew",), marks=pytest.mark.thorough)])
def test_a_run_that_is_killed_anywhere_is_completed_by_the_next(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """And no key is lost: that of the masters before `--renew`, or that of a killed run."""
    out = tmp_path / "out"
    old = files() if options else {}
    seconds = deque(NOW + timedelta(seconds=number) for number in range(1000))  # copies are named after them
    clock = mock.Mock(now=mock.Mock(side_effect=lambda _: seconds.popleft()))
    monkeypatch.setattr("tarmak_iam.cli.commands.webhook.datetime", clock)

    def prepare() -> None:
        seconds.popleft()
        shutil.rmtree(out, ignore_errors=True)
        lay(out, old)

    def work() -> None:
        shell.run("webhook", "--output-dir", out, *options)

    prepare()
    work()  # imports what it needs
    seen = set()
    for _ in killed_at_each_change(prepare, work):
        left = content(out) if out.exists() else {}
        seen.add(frozenset(left) & {KEY, CERT, CONFIG})
        seconds.popleft()
        work()
        made = content(out)
        assert made.keys() >= {KEY, CERT, CONFIG}
        assert {data for name, data in old.items() if name == KEY} <= set(made.values())
        if not options and KEY in left:
            assert made[KEY] == left[KEY]
        assert examine_tree(read_tree(out), now=datetime.now(timezone.utc)).diagnoses == ()
    assert seen == (
        {frozenset({KEY, CERT, CONFIG})}
        if options
        else {
            frozenset(),
            frozenset({KEY}),
            frozenset({KEY, CERT}),
            frozenset({KEY, CERT, CONFIG}),
        }
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--days", "0"), "error: a certificate cannot be valid for 0 days; use at least 1; `init` uses 36500\n"),
        (("--port", "70000"), "error: 70000 is not a valid port; use a port from 1 to 65535\n"),
        (
            ("--address", "localhost"),
            "error: 'localhost' is not a valid IP address; use an address such as 127.0.0.1\n",
        ),
        (("--hostname", "a b\nc: d"), "error: 'a b\\nc: d' is neither a host name nor an IP address; "),
        (
            ("--daemon-version", "new"),
            "error: 'new' is not a valid version of the authenticator; use a version such as v0.7.18\n",
        ),
    ],
)
def test_what_cannot_be_is_refused(shell: Shell, tmp_path: Path, args: Sequence[str], message: str) -> None:
    failed = shell.run("webhook", "--output-dir", tmp_path / "out", *args, code=2)
    assert failed.err.startswith(message)
    assert not (tmp_path / "out").exists()


def test_the_cluster_s_mappings_decide(shell: Shell, tmp_path: Path) -> None:
    shell.dev("enable")
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    mappings = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    mappings.write_text(mappings.read_text().replace("server:", "server:\n  port: 31362\n  hostname: master.internal"))
    out = tmp_path / "out"
    done = shell.dev("webhook", "--output-dir", out)
    assert b"server: https://master.internal:31362/authenticate\n" in (out / CONFIG).read_bytes()
    assert "this kubeconfig is for https://master.internal:31362/authenticate" in done.err
    shell.dev("doctor", out)
    shell.dev("webhook", "--output-dir", out, "--port", "21362")
    assert "connects to port 21362, but the authenticator listens on 31362" in shell.dev("doctor", out, code=1).out
    mappings.write_text("server: [\n")
    assert shell.dev("webhook", "--output-dir", out, code=2).err.startswith(f"{mappings}:")


def test_a_chosen_cluster_must_be_there(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shell.run("-c", tmp_path / "nowhere", "webhook", "--output-dir", out, code=2)
    shell.dev("--current-cluster", "no-such", "webhook", "--output-dir", out, code=2)
    assert not out.exists()


def test_a_broken_tarmak_yaml_of_nobody_s_choice(shell: Shell, tmp_path: Path) -> None:
    home = tmp_path / "home" / ".tarmak"
    home.mkdir(parents=True)
    (home / "tarmak.yaml").write_text("apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n")
    out = lay(tmp_path / "out", files())
    assert shell.run("doctor", out).err.endswith(
        "DaemonSet, client kubeconfig\nnot compared with tarmak.yaml: no cluster is selected\n"
    )
    (home / "tarmak.yaml").write_text("x: [")
    assert "not compared with tarmak.yaml: /" in shell.run("doctor", out).err
    shell.run("-c", home, "doctor", out, code=2)


def test_a_rendered_directory_and_a_master(shell: Shell, tmp_path: Path) -> None:
    shell.dev("enable")
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    out = tmp_path / "out"
    shell.dev("render", "--output-dir", out)
    assert "checked: flags.txt, authenticator configuration, DaemonSet, client kubeconfig, tarmak.yaml" in (
        shell.dev("doctor", out).err
    )
    lay_master(out)
    shell.dev("doctor", out, "--root")
    (out / WEBHOOK).write_bytes((out / WEBHOOK).read_bytes().replace(b"\n", b"\r\n"))
    shell.dev("doctor", out)
    config = out / "configmap.yaml"
    config.write_text(config.read_text().replace("dev-cluster", "other"))
    checked = shell.dev("doctor", out, "-o", "json", code=1)
    found = json.loads(checked.out)
    way_in = NO_CERTIFICATE.format(shell.single / "dev-cluster" / "kubeconfig")
    assert checked.err.endswith(f"\n{way_in}; run `tarmak -c {shell.single} clusters kubeconfig` for a new one\n")
    assert [(each["id"], each["severity"], Path(each["file"]).name) for each in found] == [
        ("WEB060", "error", "configmap.yaml")
    ]


def test_warnings_fail_unless_told_otherwise(shell: Shell, tmp_path: Path) -> None:
    out = lay(tmp_path / "out", files())
    (out / CERT).write_bytes(files()[CERT].replace(b"\n", b"\r\n"))
    assert shell.run("doctor", out, code=1).err.startswith("1 warning\n")
    shell.run("doctor", out, "--fail-on", "error")
    assert "[WEB027]" in shell.run("doctor", out, "--expires-within", "99999", code=1).out


@pytest.mark.parametrize("name", ["empty", "unrelated", "machine"])
def test_nothing_to_look_at_is_not_fine(shell: Shell, tmp_path: Path, name: str) -> None:
    directory = tmp_path / name
    directory.mkdir()
    if name == "unrelated":
        (directory / "values.yaml").write_text("a: 1\n")
    if name == "machine":
        (directory / "etc" / "systemd" / "system").mkdir(parents=True)
    assert "this directory has no files of the authenticator" in shell.run("doctor", directory, code=2).err
    shell.run("doctor", directory, "--root", code=1)


def test_what_is_no_directory(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert shell.run("doctor", file, code=2).err == (
        f"{file}: error: not a directory; specify the directory that contains the files\n"
    )
    assert "none: error: directory not found; check the path" in shell.run("doctor", tmp_path / "none", code=2).err


def run_alone(program: str) -> subprocess.CompletedProcess[str]:
    """In a Python of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )


@pytest.mark.sample(1)
@pytest.mark.parametrize("command", ["webhook --output-dir", "doctor"])
def test_without_cryptography(tmp_path: Path, command: str) -> None:
    out = lay(tmp_path / "out", {CERT: b"x"})
    done = run_alone(
        "import sys\nsys.modules['cryptography'] = None\nfrom tarmak_iam.cli.main import main\n"
        f"sys.exit(main([*{command.split()!r}, {str(out)!r}]))"
    )
    message = (
        "error: certificates need cryptography, which is not installed; install cryptography, or the extra `webhook`\n"
    )
    assert (done.returncode, done.stderr) == (2, message)
    assert content(out) == {CERT: b"x"}


def test_help_does_without_cryptography() -> None:
    done = run_alone(
        "import sys\nfrom tarmak_iam.cli.main import main\nmain(['doctor', '--help'])\nmain(['webhook', '--help'])\n"
        "assert 'cryptography' not in sys.modules"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_whoever_reads_what_it_says_may_hang_up(tmp_path: Path) -> None:
    """A key without its certificate would be refused by the next run, and overwritten by `init`."""
    out = tmp_path / "out"
    with open("/dev/full", "w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "tarmak_iam", "webhook", "--output-dir", str(out)]
        environment = {**os.environ, "TARMAK_CONFIG": "", "HOME": str(tmp_path)}
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT, env=environment
        )
    files = ", ".join(str(out / name) for name in ("key.pem", "cert.pem", "aws-iam-authenticator.kubeconfig"))
    told = f"error: wrote {files}, but the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, told)
    assert sorted(content(out)) == [CONFIG, CERT, KEY]


@pytest.mark.parametrize(
    ("line", "option", "message"),
    [
        ("Port: 99999", ("--port", "21362"), "9: error: server.port: 99999 is not a valid port; use a port from 1 to"),
        ("hostname: a b", ("--hostname", "a"), "13: error: server.hostname: 'a b' is neither a host name nor an IP"),
        (
            "address: here",
            ("--address", "127.0.0.1"),
            "12: error: server.address: 'here' is not a valid IP address; use",
        ),
    ],
)
def test_what_the_mappings_say_of_the_server_is_told_there(
    shell: Shell, tmp_path: Path, line: str, option: tuple[str, ...], message: str
) -> None:
    file = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    file.write_text(f"server:\n  {line}\n")
    failed = shell.dev("webhook", "--output-dir", tmp_path / "out", code=2)
    assert failed.err.startswith(f"{file}:2:{message}")
    assert not (tmp_path / "out").exists()
    shell.dev("webhook", "--output-dir", tmp_path / "out", *option)

"""Mistakes that people make in a file of mappings, as small changes of its text, one at a time.

A mistake that ends in another name that is as good as the first is not here, since nobody but its author knows it:
another role, account, team or user, a group with a blank (`Domain Users`), an entry without groups, and a principal of
a partition whose tokens the daemon takes too (aws and aws-us-gov from v0.7.5 on).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = [
    "MUTATORS",
    "Mutator",
    "dropped",
    "each",
    "moved_blocks",
    "moved_lines",
    "swapped",
    "with_documents",
    "with_separators",
]

_Replacement = str | Callable[[re.Match[str]], str]
_KEYS = (
    "clusterID|server|mapRoles|mapUsers|roleARN|rolearn|userARN|userarn|username|groups|sso|permissionSetName|accountID"
)
_KEY = rf"(?<![\w.])(?P<key>{_KEYS})(?P<end>['\"]?:)(?=\s)"
_ACCOUNT = r"(?<=:iam::)(?P<account>[0-9]{12})(?=:)"
_ARN = r"(?P<arn>arn:[a-z-]+:iam::[0-9]{12}:(?:role|user)/[\w+=,.@/-]+)"
_ROLE = r"(?P<start>arn:[a-z-]+:iam::)(?P<account>[0-9]{12}):role/(?P<name>[\w+=,.@-]+)"
_ITEM = r"(?m)^(?P<indent> +)- (?P<rest>(?!- )\S.*?)(?P<end>\r?)$"


@dataclass(frozen=True)
class Mutator:
    """`mutants` gives the texts with the mistake, one for each place and way."""

    name: str
    mutants: Callable[[str], Iterator[str]]


def each(pattern: str, *replacements: _Replacement) -> Callable[[str], Iterator[str]]:
    """Every match replaced for itself."""

    def mutants(text: str) -> Iterator[str]:
        for match in re.finditer(pattern, text):
            for replacement in replacements:
                new = match.expand(replacement) if isinstance(replacement, str) else replacement(match)
                yield text[: match.start()] + new + text[match.end() :]

    return mutants


def every(pattern: str, *replacements: str) -> Callable[[str], Iterator[str]]:
    """Every match replaced at once."""

    def mutants(text: str) -> Iterator[str]:
        if re.search(pattern, text):
            for replacement in replacements:
                yield re.sub(pattern, replacement, text)

    return mutants


def _misspelt(change: Callable[[str], Iterator[str]]) -> Callable[[str], Iterator[str]]:
    def mutants(text: str) -> Iterator[str]:
        for match in re.finditer(_KEY, text):
            for key in change(match["key"]):
                yield text[: match.start("key")] + key + text[match.end("key") :]

    return mutants


def swapped(key: str) -> Iterator[str]:
    for index in range(len(key) - 1):
        if key[index].lower() != key[index + 1].lower():
            yield key[:index] + key[index + 1] + key[index] + key[index + 2 :]


def dropped(key: str) -> Iterator[str]:
    for index in range(len(key)):
        yield key[:index] + key[index + 1 :]


def _doubled(key: str) -> Iterator[str]:
    for index in range(len(key)):
        yield key[:index] + key[index] + key[index:]


def with_separators(key: str) -> Iterator[str]:
    words = re.findall("[A-Z]+|[a-z]+", key)
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).split("_")
    if len(words) > 1 and len(parts) > 1:
        yield from ("_".join(parts), "-".join(parts), "_".join(parts).lower(), " ".join(parts))


def _entry_again(text: str) -> Iterator[str]:
    """An entry of block style copied below itself, for somebody who then changes its groups."""
    for match in re.finditer(
        r"(?m)^(?P<indent> +)- (?:roleARN|rolearn): .*\n(?:(?P=indent)  .*\n|(?P=indent)(?!- )\S.*\n)*", text
    ):
        entry = match[0]
        changed = re.sub(r"(?m)^( +- )(?!roleARN|rolearn)\S+(\r?)$", r"\1view\2", entry)
        yield text[: match.end()] + changed + text[match.end() :]


def _list_again(text: str) -> Iterator[str]:
    """A second mapRoles at the end of a file whose last key is in `server`."""
    if re.search("(?i)maproles", text) and re.search(r"\n  [^\n]*\s*\Z", text):
        entry = "{roleARN: 'arn:aws:iam::111122223333:role/Later', username: later}"
        yield f"{text.rstrip()}\n  mapRoles:\n  - {entry}\n"


def _without_quote(text: str) -> Iterator[str]:
    for match in re.finditer("[\"']", text):
        yield text[: match.start()] + text[match.end() :]


def moved_lines(text: str) -> Iterator[str]:
    """One line further in or out than it was."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        for moved in (
            f"  {line}",
            f" {line}",
            line.removeprefix("  "),
            line.removeprefix(" "),
            f"\t{line}",
            line.replace("  ", "\t", 1),
        ):
            if moved != line:
                yield "".join([*lines[:number], moved, *lines[number + 1 :]])


def moved_blocks(text: str) -> Iterator[str]:
    """Everything below a key one level further out."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if re.match(r"\s*(?:- )?['\"]?\w+['\"]?:\s*$", line):
            yield "".join([*lines[: number + 1], *(each.removeprefix("  ") for each in lines[number + 1 :])])
            yield "".join([*lines[:number], *(each.removeprefix("  ") for each in lines[number:])])


def with_documents(text: str) -> Iterator[str]:
    lines = text.splitlines(keepends=True)
    for number in range(1, len(lines)):
        yield "".join([*lines[:number], "---\n", *lines[number:]])


def _as_object(text: str) -> Iterator[str]:
    """Pasted with the ConfigMap around it."""
    body = "".join(f"    {line}" for line in text.splitlines(keepends=True))
    yield f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: aws-iam-authenticator}}\ndata:\n  config.yaml: |\n{body}"
    yield f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: aws-auth\n{text}"


MUTATORS = (
    # the text as YAML
    Mutator("a dash is missing", each(_ITEM, r"\g<indent>  \g<rest>\g<end>", r"\g<indent>\g<rest>\g<end>")),
    Mutator("no blank after a dash", each(_ITEM, r"\g<indent>-\g<rest>\g<end>")),
    Mutator("no blank after a colon", each(rf"{_KEY}[ ]", r"\g<key>\g<end>")),
    Mutator("a colon is missing", each(_KEY, lambda match: match[0].rstrip(":"))),
    Mutator("an equals sign for a colon", each(_KEY, lambda match: match[0].rstrip(":") + "=")),
    Mutator("a line is moved", moved_lines),
    Mutator("a block is moved", moved_blocks),
    Mutator("a quote is missing", _without_quote),
    Mutator("a document begins", with_documents),
    Mutator("a Kubernetes object around it", _as_object),
    Mutator("a list as a text", each(r"(?m)(?<=mapRoles:|mapUsers:)(?P<end>\s*?\r?)$", r" |\g<end>", r" >-\g<end>")),
    Mutator("a comment begins", each(r"(?m)^(?P<indent> +)(?P<rest>(?!groups)\w+: \S.*)$", r"\g<indent># \g<rest>")),
    Mutator(
        "smart quotes",
        each(r"(?<=: )(?P<text>[\w:/@.-]+)(?=\r?$|\r?\n)", "\u201c\\g<text>\u201d", "\u2018\\g<text>\u2019"),
    ),
    Mutator("quotes in quotes", each(r"(?<=: )(?P<text>[\w:/@.-]+)(?=\r?\n)", "'\"\\g<text>\"'")),
    # keys
    Mutator("two letters of a key swapped", _misspelt(swapped)),
    Mutator("a letter of a key dropped", _misspelt(dropped)),
    Mutator("a letter of a key doubled", _misspelt(_doubled)),
    Mutator("a key with separators", _misspelt(with_separators)),
    Mutator(
        "a key of another tool",
        each(r"\b(?:roleARN|rolearn|userARN|userarn)(?=:)", "arn", "role", "iamArn", "principalArn"),
    ),
    Mutator("name for username", each(r"\busername(?=:)", "name", "user", "userName_")),
    Mutator("group for groups", each(r"\bgroups(?=:)", "group", "kubernetesGroups", "roles")),
    Mutator(
        "another tool's list",
        each(r"\bmapRoles(?=:)", "roles", "roleMappings", "iamIdentityMappings", "mapRole", "mapARNs"),
    ),
    Mutator(
        "server is missing", every(r"(?m)^(['\"]?)server\1:(.*)$", r"authenticator:\2", r"settings:\2", r"config:\2")
    ),
    Mutator("a key twice", each(r"(?m)^(?P<line> +groups:.*\n)", r"\g<line>    groups: [view]\n")),
    Mutator("a list twice", _list_again),
    # entries
    Mutator("an entry twice", _entry_again),
    Mutator("the ARN of the other list", each(r"\broleARN(?=:)", "userARN")),
    Mutator("no username", each(r"(?m)^ +username:.*\n", "")),
    Mutator(
        "a username of another type",
        each(
            r"(?m)(?<=username: )[^\s,}]+(?=\r?$)",
            "yes",
            "no",
            "null",
            "~",
            "0123",
            "[admin]",
            "{a: b}",
            "''",
            "' '",
        ),
    ),
    Mutator(
        "a blank around a username",
        each(r"(?m)(?<=username: )(?P<name>[^\s,}\"']+)(?=\r?$)", "' \\g<name>'", "'\\g<name> '", '"\\g<name>\\\\n"'),
    ),
    Mutator("a comma after a value", each(r"(?m)(?<=: )(?P<text>[^\s,}\"'\[{]+)(?=\r?$)", r"\g<text>,", r"\g<text>;")),
    # groups
    Mutator(
        "system is missing",
        each(
            "system:masters",
            "masters",
            "system:master",
            "system.masters",
            "System:Masters",
            "system-masters",
            "system: masters",
            "system:maters",
            "system:masters,",
            "'system:masters '",
            "system::masters",
            "system:admins",
            ":masters",
            "systems:masters",
            "sytem:masters",
            "system_masters",
        ),
    ),
    Mutator(
        "groups as a text",
        each(
            r"groups: \[(?P<all>[^\[\]\"']+)\]",
            r"groups: \g<all>",
            r"groups: '[\g<all>]'",
            r"groups: (\g<all>)",
            r"groups: [[\g<all>]]",
        ),
    ),
    Mutator(
        "two groups in one item",
        each(
            r"(?m)^( +)- (?P<first>[\w:-]+)\r?\n\1- (?P<second>[\w:-]+)(?=\r?$)",
            r"\1- \g<first>, \g<second>",
        ),
    ),
    # ARNs
    Mutator(
        "a digit is missing",
        each(
            _ACCOUNT, lambda match: match[0][1:], lambda match: match[0][:-1], lambda match: match[0][:5] + match[0][6:]
        ),
    ),
    Mutator("a digit is doubled", each(_ACCOUNT, lambda match: match[0] + match[0][-1])),
    Mutator(
        "a letter for a digit", each(_ACCOUNT, lambda match: "O" + match[0][1:], lambda match: match[0][:-1] + "l")
    ),
    Mutator("an account with dashes", each(_ACCOUNT, lambda match: f"{match[0][:4]}-{match[0][4:8]}-{match[0][8:]}")),
    Mutator("an account placeholder", each(_ACCOUNT, "ACCOUNT_ID", "<account>", "${ACCOUNT}", "{{AccountID}}", "")),
    Mutator(
        "another partition",
        each(
            r"arn:aws(?P<more>-[a-z-]+)?(?=:iam)",
            "arn:aws-cn",
            "arn:amazon",
            "arn:awss",
            "arn:aws-gov",
            "arn:",
            "arn:AWS",
            "arn:aws-eusc",
        ),
    ),
    Mutator("colons", each("(?<=arn:aws):iam::", ":iam:", "::iam::", ":iam:::", ";iam::", ":iam:eu-west-1:")),
    Mutator("arn misspelt", each("arn(?=:aws)", "anr", "ar", "ARN", "arn ", "urn", "")),
    Mutator("another service", each(r"(?<=:)iam(?=::[0-9])", "sts", "IAM", "ian", "s3", "iam.amazonaws.com")),
    Mutator(
        "role misspelt", each(r"(?<=:)role/", "roles/", "Role/", "role:", "role//", "role", "role /", "rol/", "/role/")
    ),
    Mutator(
        "a role with its path",
        each(
            _ROLE,
            r"\g<start>\g<account>:role/team/\g<name>",
            r"\g<start>\g<account>:role/service-role/\g<name>",
            r"\g<0>/session",
        ),
    ),
    Mutator(
        "an instance profile",
        each(
            _ROLE,
            r"\g<start>\g<account>:instance-profile/\g<name>",
            r"\g<start>\g<account>:policy/\g<name>",
            r"\g<start>\g<account>:group/\g<name>",
        ),
    ),
    Mutator(
        "a user for a role",
        each(
            _ROLE,
            r"\g<start>\g<account>:assumed-role/\g<name>",
            r"arn:aws:sts::\g<account>:role/\g<name>",
            r"arn:aws:sts::\g<account>:assumed-role/\g<name>",
        ),
    ),
    Mutator("the root of the account", each(_ROLE, r"\g<start>\g<account>:root")),
    Mutator(
        "a wildcard",
        each(
            _ROLE,
            r"\g<start>\g<account>:role/*",
            r"\g<start>\g<account>:role/\g<name>*",
            r"\g<start>*:role/\g<name>",
            r"\g<start>\g<account>:role/\g<name>?",
        ),
    ),
    Mutator(
        "something after the ARN",
        each(
            _ARN,
            r"\g<arn>/",
            r"\g<arn>,",
            r"\g<arn>.",
            r"\g<arn>:",
            r"\g<arn>;",
            r"'\g<arn> '",
            r"`\g<arn>`",
            r"<\g<arn>>",
        ),
    ),
    Mutator(
        "a name only",
        each(
            _ROLE,
            r"\g<name>",
            r"role/\g<name>",
            r"\g<account>",
            r"https://console.aws.amazon.com/iam/home#/roles/\g<name>",
        ),
    ),
    Mutator(
        "letters that look alike",
        each(
            _ROLE,
            lambda match: match[0].translate(str.maketrans("aeo", "\u0430\u0435\u043e")),
            "\\g<0>\u200b",
            "\u00a0\\g<0>",
            lambda match: match[0].replace("-", "\u2013", 1) if "-" in match["name"] else match[0] + "\u00ad",
        ),
    ),
    # templates
    Mutator(
        "a template misspelt",
        each(
            r"\{\{SessionName(?:Raw)?\}\}",
            "{{SessionNam}}",
            "{{ SessionName }}",
            "{{sessionName}}",
            "{{Session}}",
            "{SessionName}",
            "{{SessionName}",
            "${SessionName}",
            "{{.SessionName}}",
            "{{UserName}}",
            "[[SessionName]]",
            "<SessionName>",
            "%SessionName%",
        ),
    ),
    Mutator(
        "a node's template misspelt",
        each(
            r"\{\{EC2PrivateDNSName\}\}",
            "{{EC2PrivateDnsName}}",
            "{{EC2PrivateDNS}}",
            "{{PrivateDNSName}}",
            "{{SessionName}}",
        ),
    ),
    # accounts
    Mutator("an account as a number", each(r"(?P<quote>[\"'])(?P<account>0[0-9]{11})(?P=quote)", r"\g<account>")),
    Mutator(
        "an account of eleven digits",
        each(
            r"(?P<quote>[\"'])(?P<account>[0-9]{12})(?P=quote)",
            lambda match: match["quote"] + match["account"][1:] + match["quote"],
            lambda match: match["account"][:-1],
        ),
    ),
    # the id
    Mutator(
        "another id",
        each(
            r"(?m)(?<=clusterID: )(?P<name>[\w-]+)(?=\r?$)",
            r"\g<name>s",
            r"prod-\g<name>",
            "dev",
            "cluster",
            "1234",
            "DEV-CLUSTER",
            "null",
            "''",
            r"'\g<name> '",
            r"\g<name>.example.com",
        ),
    ),
    # sso
    Mutator(
        "sso misread",
        each(
            r"permissionSetName: ?(?P<name>\w+)",
            r"permissionSetName: AWSReservedSSO_\g<name>",
            r"permissionSetName: \g<name>_0123456789abcdef",
            r"permissionSetName: arn:aws:sso:::permissionSet/ssoins-1/ps-1",
            "permissionSetName: ''",
            r"permissionSet: \g<name>",
            r"partition: aws\n      permissionSetName: \g<name>",
        ),
    ),
    Mutator("sso without its account", each(r"(?m)^ +accountID:.*\n", "")),
    Mutator(
        "the suffix is missing",
        each(
            r"(?P<name>role/AWSReservedSSO_\w+?)_[0-9a-f]{16}",
            r"\g<name>",
            r"\g<name>_",
            r"\g<name>_*",
            lambda match: match[0][:-1],
            lambda match: match[0].replace("role/", "role/aws-reserved/sso.amazonaws.com/"),
        ),
    ),
)

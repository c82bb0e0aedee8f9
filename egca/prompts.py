"""Prompts: versioned templates in prompts/NAME/vN.md, and how they become messages.

    load_prompt("generation@v1").render(statement=..., target=...)

A file is front matter in lines of `key: value`, then a section for each message, headed `# system`,
`# user` or `# assistant`, each a Jinja template. Rendering is strict: an undefined name is an
error, nothing is escaped, and whatever an input holds, it is never read as a template. A released
version is never edited, only superseded; prompts/released.json holds the digests. docs/prompts.md
explains the form."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal

from egca.errors import PromptError
from egca.files import reason_of

Role = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant")

_KEY = re.compile(r"(name|version|about|notes|output|schema|input\.[a-z_][a-z0-9_]*): (\S.*)")
_VERSION = re.compile(r"v([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation with a chat model."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a template.

    inputs: name and meaning of each; schema: of a JSON answer; notes: what this version changed.
    template: the messages before anything is filled in.
    """

    name: str
    version: int
    about: str
    inputs: dict[str, str]
    output: str
    template: tuple[Message, ...]
    digest: str  # sha256 of the file
    schema: dict[str, Any] | None = None
    notes: str = ""

    @property
    def id(self) -> str:
        """How results name it: "generation@v1"."""
        return f"{self.name}@v{self.version}"

    def render(self, **inputs: str | Sequence[str]) -> list[Message]:
        """The messages with every input in its place: a text, or a list of texts.

        Raises: PromptError on a wrong input.

        >>> front = "name: greet\\nversion: 1\\nabout: -\\ninput.who: a name\\noutput: text"
        >>> greet = parse_prompt(f"---\\n{front}\\n---\\n# user\\nHello {{{{who}}}}!\\n")
        >>> greet.render(who="{{who}}")
        [Message(role='user', content='Hello {{who}}!')]
        """
        for name, value in inputs.items():
            if name not in self.inputs:
                raise PromptError(f'{self.id}: no input "{name}"; {_hint(name, self.inputs)}')
            if not _is_text(value):
                kind = type(value).__name__
                raise PromptError(f"{self.id}: {name} is {kind}, but must be text or a list of it")
        missing = [f"{name} ({about})" for name, about in self.inputs.items() if name not in inputs]
        if missing:
            raise PromptError(f"{self.id}: needs {', '.join(missing)}")
        import jinja2

        try:
            return [
                Message(part.role, _environment().from_string(part.content).render(inputs))
                for part in self.template
            ]
        except jinja2.TemplateError as error:
            raise PromptError(f"{self.id}: {error}") from None


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    )


@cache
def _environment() -> Any:
    """Strict and literal. The sandbox is for files of a user's own, which need not be his."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )


def load_prompt(name: str, folder: Path | None = None) -> Prompt:
    """The latest version of a prompt, one version of it, or a file of your own.

    Args: name: "generation", "generation@v1", or a path that ends in .md.
    Raises: PromptError when there is none of that name, or the file is malformed.
    """
    if name.endswith(".md"):
        return _read(Path(name))
    folder = folder or prompts_folder()
    wanted, _, version = name.partition("@")
    known = versions(folder)
    if wanted not in known:
        raise PromptError(f'no prompt "{wanted}"; {_hint(wanted, known)}')
    names = [f"v{number}" for number in known[wanted]]
    if version and version not in names:
        raise PromptError(f'no prompt "{name}"; {_hint(version, names)}')
    return _read(folder / wanted / f"{version or names[-1]}.md")


def all_prompts(folder: Path | None = None) -> Iterator[Prompt]:
    """Every version of every prompt, by name and number."""
    folder = folder or prompts_folder()
    for name, numbers in versions(folder).items():
        for number in numbers:
            yield _read(folder / name / f"v{number}.md")


def versions(folder: Path) -> dict[str, list[int]]:
    """The names of the prompts in a folder, each with its version numbers, ascending."""
    found: dict[str, list[int]] = {}
    for path in sorted(folder.glob("*/v*.md")):
        match = _VERSION.fullmatch(path.stem)
        if match:
            found.setdefault(path.parent.name, []).append(int(match[1]))
    return {name: sorted(numbers) for name, numbers in found.items()}


def released(folder: Path | None = None) -> dict[str, str]:
    """The digest of every released prompt, by id."""
    path = (folder or prompts_folder()) / "released.json"
    digests: dict[str, str] = json.loads(path.read_text("utf-8"))
    return digests


def prompts_folder() -> Path:
    """Where the prompts are: inside an installed package, or at the top of the repository."""
    package = Path(__file__).parent
    installed = package / "_data" / "prompts"
    return installed if installed.is_dir() else package.parent / "prompts"


def parse_prompt(text: str, where: str = "prompt") -> Prompt:
    """A prompt from the text of its file. Raises: PromptError naming the line."""
    lines = text.split("\n")
    if lines[0] != "---" or "---" not in lines[1:]:
        raise PromptError(f"{where}:1: no front matter between two lines of ---")
    end = lines.index("---", 1)
    fields = _fields(lines[1:end], where)
    inputs = {key.removeprefix("input."): value for key, value in fields.items() if "." in key}
    template = tuple(_messages(lines[end + 1 :], where, end + 2))
    _check_places(template, inputs, where)
    for key in ("name", "version", "about", "output"):
        if key not in fields:
            raise PromptError(f'{where}: no "{key}" in the front matter')
    if not re.fullmatch(r"[1-9][0-9]{0,8}", fields["version"]):
        raise PromptError(f'{where}: version is "{fields["version"]:.60}", but must be 1, 2, ...')
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Prompt(
        fields["name"], int(fields["version"]), fields["about"], inputs, fields["output"],
        template, digest, _schema(fields.get("schema"), where), fields.get("notes", ""),
    )  # fmt: skip


def _read(path: Path) -> Prompt:
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise PromptError(f"{path}: {reason_of(error)}") from None
    except UnicodeDecodeError:
        raise PromptError(f"{path}: not UTF-8 text") from None
    return parse_prompt(text.replace("\r\n", "\n"), str(path))


def _fields(lines: list[str], where: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    key = ""
    for number, line in enumerate(lines, 2):
        if key and line.startswith("  ") and line.strip():
            fields[key] += f" {line.strip()}"  # a value goes on
            continue
        match = _KEY.fullmatch(line.rstrip())
        if match is None:
            raise PromptError(
                f'{where}:{number}: not "key: value" with name, version, about, notes, output, '
                "schema or input.NAME as key"
            )
        key = match[1]
        if match[1] in fields:
            raise PromptError(f'{where}:{number}: "{match[1]}" a second time')
        fields[match[1]] = match[2]
    return fields


def _messages(lines: list[str], where: str, first: int) -> Iterator[Message]:
    """The sections; a line `# ROLE` begins one, any other heading is part of the text."""
    heads = [i for i, line in enumerate(lines) if line.rstrip() in {f"# {role}" for role in ROLES}]
    before = "".join(lines[: heads[0] if heads else None]).strip()
    if before or not heads:
        raise PromptError(f'{where}:{first}: the template begins with "# system" or "# user"')
    for start, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        content = "\n".join(lines[start + 1 : end]).strip("\n")
        if not content.strip():
            raise PromptError(f"{where}:{first + start}: nothing under this heading")
        role = next(role for role in ROLES if lines[start].rstrip() == f"# {role}")
        yield Message(role, content)


def _check_places(template: tuple[Message, ...], inputs: Mapping[str, str], where: str) -> None:
    """Every name of the template is an input, and every input is used."""
    import jinja2
    from jinja2 import meta

    used: set[str] = set()
    for part in template:
        try:
            used |= meta.find_undeclared_variables(_environment().parse(part.content))
        except jinja2.TemplateSyntaxError as error:
            raise PromptError(
                f"{where}: line {error.lineno} under # {part.role}: {error.message}"
            ) from None
        except RecursionError:
            raise PromptError(f"{where}: nested too deeply under # {part.role}") from None
    for name in sorted(used):
        if name not in inputs:
            raise PromptError(f"{where}: {{{{{name}}}}} is no input; {_hint(name, inputs)}")
    for name in inputs:
        if name not in used:
            raise PromptError(f"{where}: {{{{{name}}}}} stands nowhere in the template")


def _schema(text: str | None, where: str) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PromptError(f"{where}: schema is not JSON: {error}") from None
    if not isinstance(schema, dict):
        raise PromptError(f"{where}: schema is not a JSON object")
    return schema


def _hint(name: str, known: Mapping[str, object] | list[str]) -> str:
    near = get_close_matches(name, known, 1, 0.5)
    return f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(known) or 'none'}"

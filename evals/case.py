"""A case: what is asked, and what must hold of the answer. Cases are TOML files that a support lead can read."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

CASES: Final = Path(__file__).parent / "cases"
"""The folder of the cases; each file is a theme."""

Road = Literal["plain", "prompt", "skill"]
ServerName = Literal["simulator", "production", "dollars", "wrong-key", "no-credentials", "impatient", "unaccounted"]
Language = Literal["en", "hi", "hinglish", "ta"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Digits = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?$")]


class CaseError(Exception):
    """A file of cases is wrong; the message has a line for each fault, and says what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Earlier(_Strict):
    """An earlier question of the same conversation; the model answers it too."""

    ask: Text
    calls: list[Text] = []


class Case(_Strict):
    """One question to a model, and what must hold. docs/evals.md explains each key."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    why: Text
    ask: Text
    calls: list[Text]
    before: list[Earlier] = []
    road: Road = "plain"
    server: ServerName = "simulator"
    language: Language = "en"
    call_optional: bool = False
    tells: list[Text] = []
    unknown: list[Text] = []
    sum: bool = False
    asked_amount: Digits | None = None
    compares: bool = False
    asks_for_id: bool = False
    says_one_of: list[Text] = []
    never_says: list[Text] = []
    theme: Annotated[str, Field(exclude=True)] = ""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.road == "prompt" and len(self.calls) != 1:
            raise ValueError('the prompt takes one customer: give one id in "calls"')
        if self.asks_for_id and self.calls:
            raise ValueError('a model that must ask for the id can\'t call: "calls" must be []')
        if (self.tells or self.unknown) and not self.calls:
            raise ValueError('figures come from a call: name the customer in "calls"')
        if self.compares and not self.before:
            raise ValueError('"compares" needs an earlier question in "before"')
        return self


class _File(_Strict):
    case: list[Case]


def load_cases(folder: Path = CASES) -> list[Case]:
    """All cases of a folder, file by file.

    Raises:
        CaseError: A file isn't TOML, has an unknown key or a wrong value, or a name is used twice.
    """
    faults: list[str] = []
    cases: list[Case] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            read = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            faults.append(f"{path.name}: not valid TOML: {error}")
        except ValidationError as error:
            faults += [f"{path.name}: {_said(each['loc'], each['type'], each['msg'])}" for each in error.errors()]
        else:
            cases += [case.model_copy(update={"theme": path.stem}) for case in read.case]
    names = [case.name for case in cases]
    faults += [
        f'the name "{name}" is used twice: rename one' for name in sorted({n for n in names if names.count(n) > 1})
    ]
    if not cases and not faults:
        faults.append(f"no cases: {folder} has no .toml file")
    if faults:
        raise CaseError("\n".join(faults))
    return cases


def chosen(cases: Sequence[Case], only: str) -> list[Case]:
    """The cases whose name or theme contains `only`; all if it is empty.

    Raises:
        CaseError: None does.
    """
    found = [case for case in cases if only in case.name or only in case.theme]
    if not found:
        raise CaseError(f'no case or theme has "{only}" in its name; --list shows all')
    return found


def _said(place: tuple[int | str, ...], kind: str, message: str) -> str:
    """One fault in a sentence: which case (counted from 1), which key, and what to do."""
    keys = [f"{each + 1}" if isinstance(each, int) else each for each in place]
    where = " ".join(keys) or "the file"
    if kind == "extra_forbidden":
        known = sorted(Earlier.model_fields if "before" in keys else set(Case.model_fields) - {"theme"})
        return f'{where}: unknown key "{keys[-1]}"; known are {", ".join(known)}'
    if kind == "missing":
        return f'{where}: missing; add a line "{keys[-1]} = ..."'
    return f"{where}: {message.removeprefix('Value error, ')}"

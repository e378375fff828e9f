"""Catalogues: two languages with the same keys, and no text anywhere else."""

import re
import subprocess
from pathlib import Path
from typing import get_args

import pytest
from fluent.syntax import FluentParser
from fluent.syntax.ast import Message, VariableReference
from fluent.syntax.visitor import Visitor

from server.accounts.model import ROLES
from server.cases.model import CaseState
from server.errors import RefusalReason
from server.review.model import REJECT_REASONS, STATES, Outcome, Step
from server.stations.model import QuarantineCode, StationRole
from server.web import formats
from server.web.language import LANGUAGES, Language, language
from server.web.problems import REFUSAL_STATUS
from wim.messages import (
    FLAGS,
    DeviceStatus,
    EvidenceKind,
    PlateColour,
    PlateNote,
    Proves,
    VehicleClass,
)

WEB = Path(formats.__file__).parent
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3000-\u303f\uff00-\uffef]")


class Arguments(Visitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: VariableReference) -> None:  # noqa: N802
        self.names.add(node.id.name)


def messages(tag: str) -> dict[str, set[str]]:
    """Return the keys of a catalogue, each with its arguments."""
    text = (WEB / "catalogues" / f"{tag}.ftl").read_text("utf-8")
    found: dict[str, set[str]] = {}
    for entry in FluentParser().parse(text).body:
        if isinstance(entry, Message):
            visitor = Arguments()
            visitor.visit(entry)
            assert entry.id.name not in found, f"{tag} has {entry.id.name} twice"
            found[entry.id.name] = visitor.names
    return found


def options(hint: object) -> list[str]:
    """Return the words of a Literal, an optional one too."""
    words = get_args(hint)
    nested = [w for word in words for w in (get_args(word) or [word])]
    return [w for w in nested if isinstance(w, str)]


CODES = {
    "role-": ROLES,
    "state-": STATES,
    "step-": options(Step),
    "outcome-": options(Outcome),
    "reason-": REJECT_REASONS,
    "case-state-": options(CaseState),
    "kind-": options(EvidenceKind),
    "proves-": options(Proves),
    "flag-": FLAGS,
    "colour-": options(PlateColour),
    "class-": options(VehicleClass),
    "figure-": sorted(formats.NAMED_FIGURES),
    "refusal-": options(RefusalReason),
    "quarantine-code-": options(QuarantineCode),
    "station-role-": options(StationRole),
    "device-": options(DeviceStatus.__annotations__["state"]),
    "view-": options(PlateNote.__annotations__["view"]),
    "unread-": options(PlateNote.__annotations__["unread_reason"]),
    "match-": ["same_plate", "one_character"],
    "direction-": ["forward", "reverse"],
    "axles-heading-": ["forward", "reverse"],
    "problem-": [str(status) for status in REFUSAL_STATUS.values()],
    "due-pass-": options(Step),
    "due-reject-": options(Step),
}


def test_both_languages_have_the_same_keys_with_the_same_arguments():
    first, second = (messages(tag) for tag in LANGUAGES)
    assert first == second


@pytest.mark.parametrize("prefix", CODES)
def test_every_code_has_its_words_in_every_language(prefix):
    assert CODES[prefix]
    for tag in LANGUAGES:
        for code in CODES[prefix]:
            assert language(tag).has(f"{prefix}{code}"), f"{tag}: {prefix}{code}"


def test_every_problem_has_a_heading_and_a_detail():
    for key in messages("en"):
        if match := re.fullmatch(r"problem-(\d+)", key):
            assert language("en").has(f"problem-detail-{match[1]}")


def test_every_key_that_a_page_or_a_handler_names_exists_and_every_key_is_used():
    known = messages("en")
    source = "\n".join(
        file.read_text("utf-8")
        for pattern in ("templates/*.html", "*.py")
        for file in WEB.glob(pattern)
    )
    named = set(re.findall(r"""\bt\(\s*["']([\w-]+)["']\s*[,)]""", source))
    named |= set(re.findall(r"""language\.text\(\s*["']([\w-]+)["']""", source))
    assert named <= set(known)
    words = set(re.findall(r"[\w-]+", source))
    prefixes = tuple(word for word in words if word.endswith("-") and len(word) > 1)
    unused = {k for k in known if k not in words and not k.startswith(prefixes)}
    assert not unused


def test_no_chinese_and_no_english_sentence_stands_in_templates_scripts_or_code():
    for file in [*WEB.glob("templates/*.html"), *WEB.glob("static/*.js")]:
        text = file.read_text("utf-8")
        assert not HAN.search(text), f"{file.name}: {HAN.findall(text)}"
    for file in WEB.glob("*.py"):
        code = re.sub(r'"""[\s\S]*?"""|#.*', "", file.read_text("utf-8"))
        assert not HAN.search(code), f"{file.name}: {HAN.findall(code)}"


def test_templates_show_no_words_of_their_own():
    units = {"t", "km", "h", "m", "s", "SHA", "wim", "Esc", "J", "K", "A", "R", "Z"}
    for file in WEB.glob("templates/*.html"):
        text = file.read_text("utf-8")
        text = re.sub(r"\{#[\s\S]*?#\}|\{%[\s\S]*?%\}|\{\{[\s\S]*?\}\}", " ", text)
        attributes = re.findall(
            r'\b(?:alt|title|placeholder|aria-label)="([^"]*)"', text
        )
        shown = re.sub(r"<[^>]*>", " ", text) + " ".join(attributes)
        words = set(re.findall(r"[A-Za-z]+", shown.replace("doctype", ""))) - units
        assert not words, f"{file.name}: {sorted(words)}"


def test_no_script_style_or_handler_stands_in_the_markup():
    for file in WEB.glob("templates/*.html"):
        text = file.read_text("utf-8")
        assert not re.search(r"<style|\bstyle=|\son[a-z]+=|javascript:", text), file
        for script in re.findall(r"<script[^>]*>([\s\S]*?)</script>", text):
            assert not script.strip(), file


def test_a_missing_key_or_argument_is_an_error_and_not_a_gap_on_the_page():
    with pytest.raises(LookupError, match="no such-key"):
        language("en").text("such-key")
    with pytest.raises(LookupError, match="card-lane"):
        language("en").text("card-lane")


def test_a_catalogue_that_cannot_be_read_says_where():
    with pytest.raises(ValueError, match="broken"):
        Language("en", "broken { $\n")


def test_the_lock_of_the_assets_names_no_host_and_every_package_has_a_hash():
    lock = (WEB / "assets" / "package-lock.json").read_text("utf-8")
    assert "://" not in lock
    assert '"resolved"' not in lock
    assert lock.count('"integrity"') == lock.count('"node_modules/')


def test_nothing_of_the_vendor_folder_is_kept_in_the_repository():
    listed = subprocess.run(
        ["git", "ls-files", "server/web"],
        cwd=WEB.parents[1],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert "/vendor/" not in listed
    assert "node_modules" not in listed

"""The files that ship and the page about them say what the schema says."""

import re
from typing import get_args

import pytest
from pydantic.fields import FieldInfo

from gpu_cascade.config import TracesConfig, load
from gpu_cascade.config.document import parse
from gpu_cascade.config.rules import NOT_YET
from gpu_cascade.config.schema import Section, Sections

from .texts import ROOT, refusal


def fields(model: type[Section]) -> list[tuple[type[Section], str, FieldInfo]]:
    """Every key of a section and of the sections inside it."""
    found = [(model, name, field) for name, field in model.model_fields.items()]
    for _, _, field in list(found):
        inner = [field.annotation, *get_args(field.annotation)]
        for shape in inner:
            if isinstance(shape, type) and issubclass(shape, Section):
                found += fields(shape)
    return [(section, field.alias or name, field) for section, name, field in found]


def test_the_documented_file_loads():
    """The root models.yaml is a working configuration."""
    config = load(ROOT / "models.yaml")

    assert config.cascades["cascade"].tiers == ["small", "large"]


def test_the_demo_pair_loads():
    """The example for the CPU is a pair small enough for it."""
    config = load(ROOT / "examples" / "cpu" / "models.yaml")

    assert all(engine.max_model_len == 2048 for engine in config.engines.values())
    assert all(engine.args == {"enforce-eager": True} for engine in config.engines.values())


def test_the_documented_file_has_every_key():
    """Each key of the schema stands in the root models.yaml, written or commented out."""
    text = (ROOT / "models.yaml").read_text(encoding="utf-8")
    missing = [
        name for _, name, _ in fields(Sections) if not re.search(rf"(^|[ {{]){name}:", text, re.MULTILINE)
    ]

    assert missing == []


def test_what_is_commented_out_in_the_documented_file_is_true():
    """With every comment of vram, gateway, traces and governance taken away, the defaults stand there."""
    text = (ROOT / "models.yaml").read_text(encoding="utf-8")
    sections = re.sub(r"^# ", "", text[text.index("# vram:") :], flags=re.MULTILINE)
    data = parse(sections, "models.yaml").data

    for name in ("vram", "gateway", "traces", "governance"):
        section = Sections.model_fields[name].default
        assert type(section).model_validate(data[name]) == section
        assert data[name].keys() == type(section).model_fields.keys()


BUILT, CALIBRATED, LATER = "built", "beside a calibration", "not available yet"
HEADS = {BUILT: None, CALIBRATED: "# Beside a calibration,", LATER: "# Understood, and not available yet:"}


def commented_keys() -> list[tuple[str, str]]:
    """Each commented key of engines and cascades, and the part of the file in which it stands."""
    text = (ROOT / "models.yaml").read_text(encoding="utf-8")
    built, _, rest = text[: text.index("# vram:")].partition(HEADS[CALIBRATED])
    beside, _, later = rest.partition(HEADS[LATER])
    parts = ((built, BUILT), (beside, CALIBRATED), (later, LATER))
    return [
        (line, name) for part, name in parts for line in re.findall(r"^    # \w+: .*", part, re.MULTILINE)
    ]


@pytest.mark.parametrize(("line", "part"), commented_keys())
def test_each_commented_key_does_what_the_file_says(tmp_path, line, part):
    """Uncommented, a key of the file loads, or is refused as not available where the file says so."""
    text = (ROOT / "models.yaml").read_text(encoding="utf-8")
    text = text.replace(line, line.replace("# ", "", 1), 1)
    if "calibration:" in line:
        text = text.replace("threshold: -0.9", "")
    if part is CALIBRATED:
        text = text.replace("threshold: -0.9", "calibration: calibration/cascade.json")
    path = tmp_path / "models.yaml"
    path.write_text(text, encoding="utf-8")

    if part is LATER:
        assert "is not available yet" in refusal(path)
    else:
        load(path)


def rows(heading: str) -> dict[str, str]:
    """Key → default of the table below a heading of docs/configuration.md."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    section = re.search(rf"^##+ {heading}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert section, f"no heading {heading}"
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", section[1], re.MULTILINE))


def same(written: object, default: object) -> bool:
    """Whether a written default is the schema's; `off` is read as false, as YAML has it."""
    if isinstance(default, Section):
        return type(default).model_validate(written) == default
    return written == (False if default == "off" else default)


HEADINGS = [
    "engines",
    "kv",
    "cascades",
    "checks",
    "completeness",
    "json_schema",
    "regex",
    "number",
    "quote",
    "cited",
    "python_ast",
    "command",
    "verify",
    "monitor",
    "sticky",
    "vram",
    "gateway",
    "traces",
    "governance",
]


@pytest.mark.parametrize("heading", HEADINGS)
def test_the_page_names_every_key_and_its_default(heading):
    """docs/configuration.md has one row for each key of a section, with the default that the schema has."""
    section = next(model for model, name in SECTIONS if name == heading)
    table = rows(heading)

    shape = {field.alias or name: field for name, field in section.model_fields.items()}
    assert table.keys() == shape.keys()
    for key, field in shape.items():
        default = None if field.is_required() else field.default
        written = None if table[key] == "–" else parse(table[key].strip("`"), "page").data
        assert same(written, default), key


def sections() -> list[tuple[type[Section], str]]:
    """Every section of the schema with the key that it stands under."""
    found = []
    for _, name, field in fields(Sections):
        for shape in (field.annotation, *get_args(field.annotation)):
            if isinstance(shape, type) and issubclass(shape, Section):
                found.append((shape, name))
    return found


SECTIONS = sections()


def test_every_section_has_a_heading():
    """No section of the schema is left out of the page."""
    assert {name for _, name in SECTIONS} == set(HEADINGS)


def test_the_page_says_what_is_not_available_yet():
    """Each key of the list of what is not built carries its mark on the page."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8").lower()
    for rule in NOT_YET:
        key = rule.key.rpartition(".")[2]
        assert re.search(rf"^\| `{key}` \|.*\*\*not yet[.:]", page, re.MULTILINE), key


def test_the_store_of_the_page_is_the_store_of_the_schema():
    """The default store is relative to the file."""
    assert TracesConfig().store == "sqlite:///state/traces.db"

import msgspec
import pytest

from wim.errors import TableError
from wim.tables import parse_table


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    inner: dict[str, list[str]] = {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("name = " + "{a=" * 5000 + "1" + "}" * 5000, "nested too deeply"),
        ("name = " + "9" * 5000, "digits"),
        ('name = "a\\u0000b"', "key 'name': holds a NUL"),
        ('name = "a"\ninner.b = ["c", "\\u0000"]', "key 'inner.b[1]': holds a NUL"),
        ('name = "a"\n"two\\nlines" = 1', "unknown key 'two lines'"),
    ],
)
def test_a_document_that_no_table_can_be_is_refused_in_one_line(text, said):
    with pytest.raises(TableError) as caught:
        parse_table(text, _Table, name="the.toml")
    assert str(caught.value).startswith("the.toml: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mark_that_editors_on_windows_begin_a_file_with_is_no_part_of_it():
    found = parse_table('\ufeffname = "a"\r\n', _Table, name="the.toml")
    assert found == _Table(name="a")

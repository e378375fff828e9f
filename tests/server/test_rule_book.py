"""The centre's verdict: by whose class, and with which deduction."""

import msgspec
import pytest

from server.rules.book import RuleBook
from wim.limits import parse_limit_table
from wim.messages import PassageMessage

TABLE = """
id = "test"
region = "CN"
valid_from = 2020-01-01T00:00:00Z
citation = "test"
[deduction]
policy = "expanded_uncertainty"
percent = 5.0
[[rows]]
axles = 4
vehicle_classes = ["rigid"]
limit_kg = 31000
[[rows]]
axles = 4
vehicle_classes = ["articulated"]
limit_kg = 36000
"""


@pytest.fixture
def judge(sender):
    book = RuleBook((parse_limit_table(TABLE, name="test.toml"),), region="CN")

    def verdict(**figures):
        _, payload = sender().passage(axles=4, **figures)
        return book.judge(msgspec.json.decode(payload, type=PassageMessage)).verdict

    return verdict


@pytest.mark.parametrize(
    ("probability", "judged_by", "limit_kg"),
    [(0.989, None, 36_000.0), (0.99, "rigid", 31_000.0)],
)
def test_only_a_class_that_is_sure_chooses_the_limit(
    judge, probability, judged_by, limit_kg
):
    verdict = judge(vehicle_class="rigid", vehicle_class_probability=probability)
    assert (verdict.vehicle_class, verdict.limit_kg) == (judged_by, limit_kg)
    assert verdict.limit_certain == (judged_by is not None)


def test_a_table_may_give_the_stated_uncertainty_to_the_party(judge):
    assert judge(gross_mass_uncertainty_kg=2_400.0).deduction_kg == 2_400.0
    assert judge().deduction_kg == 6_000.0

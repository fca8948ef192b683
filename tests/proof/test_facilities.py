"""What counts of a facility equals a plain model, whatever two apps report, and whenever the limit changes."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.reconcile import reconcile
from saxaul.ledger.awards import Terms
from tests.builders import DAY
from tests.proof.facilities import ROOF, FacilityModel, accepted, assert_agrees, register, taken_back, told
from tests.proof.twin import APPS, HONEST, START, Message
from tests.proof.world import CALENDAR, World

steps = st.lists(
    st.tuples(
        st.sampled_from(["report", "report", "report", "total", "reverse", "limit", "late"]),
        st.sampled_from([HONEST, *APPS]),
        st.integers(0, 5),
        st.sampled_from(["0.5", "30", "99.999999", "100", "999999999"]),
        st.integers(0, 2),
    ),
    max_size=25,
)
LIMITS = {"0.5": "10", "30": "100", "99.999999": "99.999999", "100": "150.5", "999999999": "999999999"}


@settings(settings.get_profile("proof-short"))
@given(steps=steps)
def test_what_counts_of_a_facility_equals_the_model(steps: list[tuple[str, str, int, str, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        world = World(patch, START)
        catalog, version = register(world, "100"), 1
        model = FacilityModel(HONEST, Fraction(100))
        delayed: list[tuple[list[Message], tuple[str, str, str, str], Fraction]] = []
        for kind, app, number, quantity, days in steps:
            at, action_id = START - days * DAY, f"{kind == 'total'}-{number}-{days}"
            day = CALENDAR.windows_of(at).day
            match kind:
                case "limit":
                    version += 1
                    catalog = register(world, LIMITS[quantity], version=version)
                    model.limit = Fraction(LIMITS[quantity])
                    continue
                case "reverse":
                    action_id = f"False-{number}-{days}"
                    if action_id not in model.lines:
                        continue
                    messages = taken_back(world, catalog, app, action_id, at)
                    model.reverse(app, action_id)
                case "late":
                    late = accepted(world, catalog, app, told(f"late-{number}-{days}-{len(delayed)}", quantity, at))
                    delayed.append((late, (app, f"late-{number}-{days}-{len(delayed)}", quantity, day), model.limit))
                    continue
                case _:
                    messages = accepted(world, catalog, app, told(action_id, quantity, at, is_total=kind == "total"))
                    model.report(app, action_id, quantity, day, is_total=kind == "total")
            assert world.accrue({str(n): message.body for n, message in enumerate(messages)}) == {}
            assert_agrees(world.periods.between(ROOF, "", "9999"), model)
        for messages, report, limit in delayed:
            model.limit = limit
            model.report(*report)
            assert world.accrue({str(n): message.body for n, message in enumerate(messages)}) == {}

        assert_agrees(world.periods.between(ROOF, "", "9999"), model)
        faults: list[str] = []
        terms = Terms(CALENDAR, world.catalog_store.rule)
        reconcile(world.ledger, lambda finding: faults.append(finding.detail), terms)
        assert faults == []

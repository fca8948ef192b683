"""The public totals match the ledger even if its stream delays, repeats and splits batches, and the tally crashes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.impact.totals import MOST_TALLIES, short_name, tally_number
from tests.proof.streams import FACILITIES, KINDS, NOW, USERS, Report, tally_and_recount
from tests.proof.twin import TYPES
from tests.proof.world import CALENDAR

reports = st.lists(
    st.builds(
        Report,
        st.sampled_from([*USERS, *FACILITIES]),
        st.integers(1, 12),  # the action's ID, often a repeated one
        st.sampled_from(sorted(TYPES)),
        st.integers(0, 6),
        st.sampled_from(KINDS),
    ),
    min_size=1,
    max_size=60,
)


@settings(settings.get_profile("proof-short"))
@given(reported=reports, seed=st.integers(0, 2**32))
def test_the_totals_match_the_ledger_however_its_stream_is_delivered(reported: list[Report], seed: int) -> None:
    counted, expected = tally_and_recount(reported, seed)

    assert counted == expected


def test_a_shard_always_adds_to_the_same_tally_and_many_shards_use_all_tallies() -> None:
    day = CALENDAR.day_of(NOW)
    names = [short_name(f"shardId-{number:020}-0a1b2c3d") for number in range(1000)]
    numbers = [tally_number(day, name) for name in names]

    assert [tally_number(day, name) for name in names] == numbers
    used = [numbers.count(number) for number in range(MOST_TALLIES)]
    assert sum(used) == len(names)
    assert max(used) < 2 * len(names) / MOST_TALLIES
    assert min(used) > len(names) / MOST_TALLIES / 2

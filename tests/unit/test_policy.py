"""Policies, as C2SP specifies them."""

import pytest

from saxaul.log.notes import COSIGNATURE, VerifierKey
from saxaul.log.policy import MAX_POLICY, Policy, PolicyError

LOG = VerifierKey.of("trees.example/log", bytes(32))
KEYS = {
    name: VerifierKey.of(f"{name}.example", bytes([number]) * 32, COSIGNATURE)
    for number, name in enumerate(["X1", "X2", "X3", "Y1", "Y2", "Y3"], 1)
}
WITNESSES = "".join(f"witness {name} {key.text}\n" for name, key in KEYS.items())
EXAMPLE = f"""# The example of the specification
log {LOG.text}

{WITNESSES}
group X-witnesses 2 X1 X2 X3
\t group\tY-witnesses any Y1 Y2 Y3  \t
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


@pytest.mark.parametrize(
    ("cosigned", "missing"),
    [
        ("X1 X2 Y3", ""),
        ("X1 X2 X3 Y1 Y2 Y3", ""),
        ("X1 X2 X3", "1 more of the 2 members of X-and-Y"),
        ("X1 Y1 Y2", "1 more of the 2 members of X-and-Y"),
        ("X1", "2 more of the 2 members of X-and-Y"),
        ("", "2 more of the 2 members of X-and-Y"),
    ],
)
def test_the_quorum_of_the_example_needs_two_and_one(cosigned: str, missing: str) -> None:
    policy = Policy.parse(EXAMPLE.encode())

    assert policy.logs == [LOG]
    assert policy.missing(KEYS[name] for name in cosigned.split()) == missing


def test_a_single_witness_can_be_the_quorum() -> None:
    policy = Policy.parse(f"{WITNESSES}quorum X2\n".encode())

    assert policy.missing([KEYS["X2"]]) == ""
    assert policy.missing([KEYS["X1"]]) == "the cosignature of X2"


def test_a_policy_may_ask_for_no_witness() -> None:
    assert Policy.parse(b"quorum none\n").missing([]) == ""


def test_names_are_octets() -> None:
    key = KEYS["X1"].text.encode()

    policy = Policy.parse(b"witness K " + key + b" https://w.example/\nquorum K\n")

    assert list(policy.witnesses) == [b"K"]
    with pytest.raises(PolicyError, match="not the name"):
        Policy.parse(b"witness K " + key + "\nquorum \u212a\n".encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no quorum"),
        ("quorum none", "does not end in a newline"),
        ("quorum none\r\n", "carriage return"),
        ("quorum none\nquorum none\n", "line 2 of the policy: there is a quorum"),
        ("quorum X1\n" + WITNESSES, "line 1 .* not the name"),
        (WITNESSES + WITNESSES + "quorum X1\n", "line 7 .* given before"),
        (WITNESSES + "group X1 any X2\nquorum X1\n", "given before"),
        (WITNESSES + "group none any X2\nquorum none\n", "given before"),
        (WITNESSES + "group g any none\nquorum g\n", "not the name"),
        (WITNESSES + "group g any X1 X1\nquorum g\n", "twice"),
        (WITNESSES + "group g any X1\ngroup h any X1\nquorum g\n", "twice"),
        (WITNESSES + "group g 3 X1 X2\nquorum g\n", "from 1 to 2"),
        (WITNESSES + "group g 0 X1 X2\nquorum g\n", "from 1 to 2"),
        (WITNESSES + "group g 01 X1 X2\nquorum g\n", "from 1 to 2"),
        (WITNESSES + "group g some X1 X2\nquorum g\n", "from 1 to 2"),
        (WITNESSES + "group g any\nquorum g\n", "neither a log"),
        (WITNESSES + f"witness Z {VerifierKey.of('z', bytes([1]) * 32, COSIGNATURE).text}\nquorum Z\n", "given before"),
        (f"log {LOG.text}\nlog {LOG.text}\nquorum none\n", "given before"),
        (f"log {KEYS['X1'].text}\nquorum none\n", "wrong type"),
        (f"witness w {LOG.text}\nquorum none\n", "wrong type"),
        ("log nonsense\nquorum none\n", "vkey"),
        ("Quorum none\n", "neither a log"),
        ("quorum none # of us\n", "line 1 .* a comment needs a line of its own"),
        ("#" * MAX_POLICY + "\nquorum none\n", "more than 64 KB"),
    ],
)
def test_a_policy_of_another_form_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(PolicyError, match=reason):
        Policy.parse(text.encode())

"""Signed notes and cosignatures, as C2SP specifies them."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from saxaul.log.checkpoints import Checkpoint
from saxaul.log.notes import (
    COSIGNATURE,
    ED25519,
    MAX_NOTE,
    MAX_SIGNATURES,
    Signature,
    SignedNote,
    Verified,
    VerifierKey,
    cosigned_message,
    open_note,
    parse_note,
    signature_line,
    vkey_of,
)
from saxaul.log.verdicts import RefusedError

EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
"""The example of the specification signed-note."""

COSIGNED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
"""The example of the specification tlog-cosignature."""


def signing(name: str, type: int = ED25519) -> tuple[Ed25519PrivateKey, VerifierKey]:  # noqa: A002 - as in the module
    private = Ed25519PrivateKey.generate()
    return private, VerifierKey.of(name, private.public_key().public_bytes_raw(), type)


def signed(text: str, *signers: tuple[Ed25519PrivateKey, VerifierKey], timestamp: int = 1_700_000_000) -> SignedNote:
    signatures = []
    for private, key in signers:
        if key.type == COSIGNATURE:
            signature = timestamp.to_bytes(8, "big") + private.sign(cosigned_message(text, timestamp))
        else:
            signature = private.sign(text.encode())
        signatures.append(Signature(key.name, key.key_id, signature))
    return SignedNote(text, tuple(signatures))


def test_the_example_of_the_specification_verifies() -> None:
    key = VerifierKey.parse(EXAMPLE_KEY)
    note = parse_note(EXAMPLE.encode())

    assert key.name == "example.com/foo"
    assert key.text == EXAMPLE_KEY == vkey_of(key.name, key.public_key)
    assert note.text == "This is an example message.\n"
    assert note.message == EXAMPLE
    assert open_note(note, [key]) == [Verified(key, None)]


def test_the_cosigned_checkpoint_of_the_specification_is_read_as_it_is_written() -> None:
    note = parse_note(COSIGNED.encode())
    checkpoint = Checkpoint.parse(note.text)

    assert note.message == COSIGNED
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text == note.text
    assert [signature.name for signature in note.signatures] == [checkpoint.origin, "witness.example.com/w1"]
    assert int.from_bytes(note.signatures[1].signature[:8], "big") == 1679315147
    assert cosigned_message(note.text, 1679315147).startswith(b"cosignature/v1\ntime 1679315147\nexample.com/behind")


def test_the_text_may_have_empty_lines_and_any_language() -> None:
    signer = signing("quasimodo.example/salvatore")
    text = "Ognuno sta solo\ntrafitto:\n\ned è subito sera.\n"

    note = parse_note(signed(text, signer).message.encode())

    assert note.text == text
    assert open_note(note, [signer[1]]) == [Verified(signer[1], None)]


def test_a_cosignature_is_returned_with_its_time() -> None:
    log, witness = signing("trees.example/log"), signing("w.example/1", COSIGNATURE)
    note = signed("trees.example/log\n1\nroot\n", log, witness, timestamp=1679315147)

    assert open_note(note, [witness[1], log[1]]) == [Verified(log[1], None), Verified(witness[1], 1679315147)]
    assert VerifierKey.parse(witness[1].text) == witness[1]


def test_a_cosignature_signs_its_time() -> None:
    witness = signing("w.example/1", COSIGNATURE)
    (signature,) = signed("text\n", witness).signatures
    later = Signature(signature.name, signature.key_id, b"\x00" * 7 + b"\x01" + signature.signature[8:])

    with pytest.raises(RefusedError, match=r"signature of w\.example/1"):
        open_note(SignedNote("text\n", (later,)), [witness[1]])


def test_the_newest_of_two_cosignatures_of_one_witness_counts() -> None:
    witness = signing("w.example/1", COSIGNATURE)
    old, new = (signed("text\n", witness, timestamp=timestamp).signatures[0] for timestamp in (5, 9))

    assert open_note(SignedNote("text\n", (new, old)), [witness[1]]) == [Verified(witness[1], 9)]


def test_signatures_of_unknown_keys_are_ignored() -> None:
    log, other = signing("trees.example/log"), signing("trees.example/log")
    note = signed("text\n", other, log)

    assert open_note(note, [log[1]]) == [Verified(log[1], None)]
    assert open_note(note, []) == []


def test_a_wrong_signature_of_a_known_key_makes_the_note_invalid() -> None:
    log, other = signing("trees.example/log"), signing("other.example")
    note = signed("text\n", other, log)

    with pytest.raises(RefusedError, match="not valid"):
        open_note(note._replace(text="Text\n"), [log[1]])


@pytest.mark.parametrize(
    "message",
    [
        "",
        "text",
        "text\n",
        "text\n\n",
        EXAMPLE[:-1],
        EXAMPLE.replace("— ", "- "),
        EXAMPLE.replace("\n\n", "\n"),
        EXAMPLE.replace("message", "mess\tage"),
        EXAMPLE + "\n",
        EXAMPLE.replace("aQM=", "aQN="),
        EXAMPLE.replace("aQM=", "aQM"),
        EXAMPLE.replace("aQM=\n", "aQM= \n"),
        EXAMPLE.replace("example.com/foo", "example.com/f+o"),
        EXAMPLE.replace("example.com/foo", "example.com/f\u2003o"),
        EXAMPLE.replace("example.com/foo ", " "),
        EXAMPLE + EXAMPLE.splitlines()[-1] + "\n",
        "text\n\n— name UwI=\n",
        "x" * MAX_NOTE + EXAMPLE,
        "text\n\n" + "".join(signature_line("n", bytes(4), bytes([number])) for number in range(MAX_SIGNATURES + 1)),
    ],
)
def test_a_note_of_another_form_is_refused(message: str) -> None:
    with pytest.raises(RefusedError):
        parse_note(message.encode())


def test_a_note_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(RefusedError, match="UTF-8"):
        parse_note(EXAMPLE.encode().replace(b"example m", b"\xff m"))


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        EXAMPLE_KEY[:-4],
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("530d903a", "530D903A"),
        EXAMPLE_KEY.replace("com/foo", "com/fop"),
        EXAMPLE_KEY.replace("example.com/foo", "exam ple"),
        EXAMPLE_KEY.replace("example.com/foo", ""),
        vkey_of("example.com/foo", bytes(32), 2),
        EXAMPLE_KEY + "\n",
    ],
)
def test_a_vkey_of_another_form_is_not_read(vkey: str) -> None:
    with pytest.raises(ValueError, match="the vkey"):
        VerifierKey.parse(vkey)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "trees.example/log\n1\n",
        "\n1\n" + "A" * 43 + "=\n",
        "trees.example/log\n01\n" + "A" * 43 + "=\n",
        "trees.example/log\n+1\n" + "A" * 43 + "=\n",
        "trees.example/log\n٣\n" + "A" * 43 + "=\n",
        f"trees.example/log\n{2**63}\n" + "A" * 43 + "=\n",
        "trees.example/log\n" + "9" * 5000 + "\n" + "A" * 43 + "=\n",
        "trees.example/log\n1\n" + "A" * 44 + "\n",
        "trees.example/log\n1\n" + "A" * 42 + "B=\n",
        "trees.example/log\n1\n" + "A" * 43 + "=",
        "trees.example/log\n1\n" + "A" * 43 + "=\nextension\n",
    ],
)
def test_a_checkpoint_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        Checkpoint.parse(text)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**63 - 1))
def test_a_checkpoint_is_read_as_it_is_written(root: bytes, size: int) -> None:
    checkpoint = Checkpoint("trees.example/log", size, root)

    assert Checkpoint.parse(checkpoint.text) == checkpoint

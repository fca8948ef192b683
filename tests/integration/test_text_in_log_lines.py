"""A text that somebody sent never becomes a further log line, or a field of one."""

import json

from saxaul.observability import MAX_LOGGED, logger
from tests.hostile_texts import HOSTILE
from tests.integration.each_text import CONTROL, for_each
from tests.integration.log_lines import Lines


@for_each(HOSTILE)
def test_a_log_line_is_one_json_document_with_our_fields_only(text: str, lines: Lines) -> None:
    logger.info("plain", extra={"code": "code", "found": {"name": 1}})
    (plain,) = (json.loads(line) for line in lines.taken())

    logger.info(text, extra={"code": text, "found": {text: [text]}})
    (line,) = lines.taken()

    assert line.endswith("\n")
    assert line.isascii()
    assert not CONTROL.search(line[:-1])
    fields = json.loads(line)
    assert fields.keys() == plain.keys()
    assert (fields["level"], fields["service"]) == ("INFO", "saxaul")
    assert [fields[name][:MAX_LOGGED] for name in ("message", "code")] == [text[:MAX_LOGGED]] * 2


@for_each(HOSTILE)
def test_the_log_line_of_an_exception_is_short_and_has_our_fields_only(text: str, lines: Lines) -> None:
    for message in ("plain", text):
        try:
            dict[str, int]()[message]
        except KeyError:
            logger.exception("unexpected failure", extra={"request_id": "r"})

    plain, hostile = lines.taken()

    assert json.loads(hostile).keys() == json.loads(plain).keys()
    assert len(hostile) < 10 * 6 * MAX_LOGGED  # an escaped character has up to six
    assert hostile[:-1].isprintable()
    assert hostile.isascii()

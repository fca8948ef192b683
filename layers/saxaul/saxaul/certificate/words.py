"""The words of the picture and of the page, in each language, and how they write days and places."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from saxaul.catalog.entries import Language, Text

LABELS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "heading": "CERTIFICATE OF A TREE",
        "unnamed": "A tree",
        "requested_at": "Requested",
        "planted_at": "Planted",
        "not_yet": "not yet",
        "partner": "Planted by",
        "number": "Certificate",
        "tag": "Tag",
        "scan": "Scan to check it",
        "proved": "In the public log of {size} statements, as of {day}",
        "unproved": "It is added to the public log once it is planted",
        "reserved": "Reserved",
        "ordered": "Ordered",
        "planted": "Planted",
        "alive": "Alive",
        "dead": "Dead",
        "replaced": "Replanted",
        "refunded": "Refunded",
        "data": "Data with its proofs",
        "picture": "Picture",
        "other": "中文",
    },
    "zh": {
        "heading": "植树证书",
        "unnamed": "一棵树",
        "requested_at": "申请日期",
        "planted_at": "种植日期",
        "not_yet": "尚未种植",
        "partner": "种植机构",
        "number": "证书编号",
        "tag": "树牌",
        "scan": "扫码查验",
        "proved": "已载入公开日志（共 {size} 条，截至{day}）",
        "unproved": "种植后将载入公开日志",
        "reserved": "已预订",
        "ordered": "待种植",
        "planted": "已种植",
        "alive": "存活",
        "dead": "已枯死",
        "replaced": "已补种",
        "refunded": "已退还",
        "data": "数据与证明",
        "picture": "图片",
        "other": "English",
    },
}
"""The words that the picture and the page share."""

PAGE: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "is_reserved": "It is paid for, and waits for the next planting order.",
        "is_ordered": "Its planting is ordered. The partner reports when it is in the ground.",
        "is_planted": "It is in the ground. Its first inspection is still to come.",
        "is_alive": "It was found alive when it was last inspected.",
        "is_dead": "It did not survive. In dry land some trees do not, however well they are planted and tended.",
        "is_replaced": "A new tree was planted here after the one before it had died.",
        "is_refunded": "It could not be planted, and its points were given back.",
        "drawn_alive": "Drawing of a tree of this species in the desert at dawn: {name}",
        "drawn_dead": "Drawing of a bare tree of this species in the desert at dawn: {name}",
        "drawn_awaited": "Drawing of a dotted tree of this species, which is not planted yet: {name}",
        "dedication": "Dedication",
        "erased": "The dedication was erased, as the public log says.",
        "qr": "QR code with the address of this page",
        "photo": "Photo",
        "photo_of": "{event}, {day}",
        "photo_alt": "Photo of the tree by {by}: {event}, {day}",
        "photo_proof": "The log has the SHA-256 of this photo, so it cannot be exchanged:",
        "no_photo": "The log has no photo of this tree.",
        "link": "link, not evidence",
        "link_note": "A link is no evidence, because what it leads to can change.",
        "history": "History",
        "requested": "Requested",
        "event_planted": "Planted",
        "event_alive": "Found alive",
        "event_dead": "Found dead",
        "event_replaced": "Replanted",
        "event_corrected": "Corrected",
        "event_dedication_erased": "Dedication erased",
        "by": "by {by}",
        "from": "planted on {day}",
        "unlogged": "not in the public log yet",
        "corrected_later": "Corrected on {day}:",
        "corrected_tag": "Tag",
        "corrected_place": "Place",
        "corrected_planted_at": "Planted",
        "corrected_photo": "The photo was exchanged.",
        "corrected_link": "The link was exchanged.",
        "corrected_death": "The tree is not dead. It was reported by mistake.",
        "was": "was",
        "left_out": "Further inspections that found it alive, earlier than those above: {count}",
        "site": "Where it stands",
        "site_waiting": "Where it will stand",
        "map": "Map of the area in which the partner plants the trees of this project. North is up.",
        "map_tree": "The tree stands at {place}.",
        "map_dead": "The dead tree is at {place}.",
        "project_area": "area of the project",
        "check": "Check it yourself",
        "check_logged": "You need not trust this page. Each event is signed into a public log that only grows, and "
        "this command compares the certificate with it. It finds a changed word, and a later event that is hidden:",
        "check_waiting": "The public log has nothing about this tree yet, and the public counter leaves it out. "
        "This command says so until the log has it:",
        "check_tool": "saxaul-log is a small program that needs no account. Whoever runs Saxaul can give it to you as "
        "one file, and “What a certificate proves” in the documentation says how to build it.",
        "other_tool": "With somebody else's tool",
        "other_text": "The log follows C2SP, so any of its clients can read it. In the data, each of the proofs has a "
        "leaf and a tlog_proof with a checkpoint. With Go, the packages note and tlog of golang.org/x/mod/sumdb check "
        "both: note.Open takes the checkpoint and the key, and tlog.CheckRecord the path.",
        "specification": "Specification",
        "log_url": "Log",
        "log_key": "Key of the log",
        "counter": "{count} trees standing in the public log",
        "counter_one": "1 tree standing in the public log",
        "counter_at": "counted on {day} at {time}",
        "counter_how": "Anyone can count them again from the log.",
        "page_links": "Other forms of this certificate",
        "unknown": "No such certificate",
        "unknown_none": "There is no certificate with this number. Its characters fit each other, so it looks like a "
        "certificate number. It may belong to another service, or to a request that was cancelled.",
        "unknown_form": "This is not spelled like a certificate number. A number has 13 letters and digits, such as "
        "7K3M-9QPD-2FHW-C.",
        "unknown_check": "This number has a typing error: its last character checks the others, and does not fit them. "
        "Please compare it with the certificate.",
        "typed": "You asked for",
    },
    "zh": {
        "is_reserved": "积分已支付，等待下一次种植任务。",
        "is_ordered": "已下达种植任务。种下后，种植机构会报告。",
        "is_planted": "已经种下，尚未进行首次巡查。",
        "is_alive": "最近一次巡查时，这棵树存活。",
        "is_dead": "这棵树没有存活。在干旱地区，即使精心种植和养护，也会有树木无法存活。",
        "is_replaced": "原来的树枯死后，在这里补种了一棵新树。",
        "is_refunded": "这棵树未能种植，积分已退还。",
        "drawn_alive": "插图：黎明的沙漠中，一棵{name}",
        "drawn_dead": "插图：黎明的沙漠中，一棵光秃的{name}",
        "drawn_awaited": "插图：以虚线表示、尚未种植的{name}",
        "dedication": "寄语",
        "erased": "寄语已被删除，公开日志对此有记载。",
        "qr": "本页地址的二维码",
        "photo": "照片",
        "photo_of": "{event} · {day}",
        "photo_alt": "{by}拍摄的树木照片：{event}，{day}",
        "photo_proof": "公开日志载有这张照片的 SHA-256，因此无法调换：",
        "no_photo": "公开日志中没有这棵树的照片。",
        "link": "链接（不作为证据）",
        "link_note": "链接不作为证据，因为其内容可能改变。",
        "history": "历程",
        "requested": "申请",
        "event_planted": "种植",
        "event_alive": "巡查：存活",
        "event_dead": "巡查：已枯死",
        "event_replaced": "补种",
        "event_corrected": "更正",
        "event_dedication_erased": "寄语已删除",
        "by": "由{by}报告",
        "from": "种植于{day}",
        "unlogged": "尚未载入公开日志",
        "corrected_later": "{day}更正：",
        "corrected_tag": "树牌",
        "corrected_place": "位置",
        "corrected_planted_at": "种植日期",
        "corrected_photo": "照片已更换。",
        "corrected_link": "链接已更换。",
        "corrected_death": "这棵树没有枯死，此前为误报。",
        "was": "原为",
        "left_out": "此前还有巡查（均为存活），未在此列出：{count} 次",
        "site": "所在位置",
        "site_waiting": "将种植的区域",
        "map": "本项目的种植区域图，上方为北。",
        "map_tree": "这棵树位于 {place}。",
        "map_dead": "枯死的树位于 {place}。",
        "project_area": "项目区域",
        "check": "自行查验",
        "check_logged": "您不必相信本页。每个事件都经签名载入只增不减的公开日志，下面的命令将证书与日志对照。"
        "任何改动，以及被隐瞒的后续事件，都会被发现：",
        "check_waiting": "公开日志中尚无这棵树的记录，公开计数也未将其计入。在载入之前，下面的命令会如实说明：",
        "check_tool": "saxaul-log 是一个无需账号的小程序。Saxaul 的运营方可以提供单个安装文件，"
        "文档“What a certificate proves”说明如何构建。",
        "other_tool": "使用他人的工具",
        "other_text": "公开日志遵循 C2SP 规范，任何相应的客户端都能读取。"
        "在数据中，每条 proofs 都有 leaf，以及含检查点的 tlog_proof。"
        "例如 Go 的 golang.org/x/mod/sumdb 中的 note 与 tlog：note.Open 用密钥验证检查点，tlog.CheckRecord 验证路径。",
        "specification": "规范",
        "log_url": "日志",
        "log_key": "日志公钥",
        "counter": "公开日志中现存 {count} 棵树",
        "counter_one": "公开日志中现存 1 棵树",
        "counter_at": "统计于{day} {time}",
        "counter_how": "任何人都可以根据日志重新计数。",
        "page_links": "本证书的其他形式",
        "unknown": "没有这份证书",
        "unknown_none": "没有使用这个编号的证书。编号的校验正确，但可能属于其他服务，或对应的申请已取消。",
        "unknown_form": "这不是证书编号的写法。编号由 13 个字母和数字组成，例如 7K3M-9QPD-2FHW-C。",
        "unknown_check": "编号有误：最后一位校验字符与其他字符不符。请与证书核对。",
        "typed": "您查询的是",
    },
}
"""The words that only the page has."""


def in_language(text: Text | None, language: Language) -> str | None:
    return text.in_language(language) if text else None


def day_of(moment: str | None, language: Language) -> str:
    """Return the day of an RFC 3339 time, at the offset of that time. Return "not yet" for None."""
    if moment is None:
        return LABELS[language]["not_yet"]
    day = date.fromisoformat(moment[:10])
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {day:%B} {day.year}"


def time_of(moment: str) -> str:
    """Return the hour and the minute of an RFC 3339 time, and its offset from UTC, such as ``10:30 (+08:00)``."""
    offset = "UTC" if moment.endswith("Z") else f"UTC{moment[19:]}"
    return f"{moment[11:16]} ({offset})"


def place_of(lat: float, lon: float, decimals: int = 5) -> str:
    """Return a point in degrees (WGS 84), such as ``38.85100° N, 105.67100° E``."""
    north = f"{abs(lat):.{decimals}f}° {'N' if lat >= 0 else 'S'}"
    return f"{north}, {abs(lon):.{decimals}f}° {'E' if lon >= 0 else 'W'}"

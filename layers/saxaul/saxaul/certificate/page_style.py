"""The style sheet of the page: one column on a phone, two on a desktop, and colours for the day, the dark and paper."""

from typing import Final

from saxaul.certificate.looks import DARK, LIGHT, MONOSPACE, SANS, SEALS, SERIF, Palette


def _variables(palette: Palette) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in palette._asdict().items())


_DARK_DESERT: Final = (
    ".sky0{stop-color:#1f2b36}.sky1{stop-color:#4d4a4c}.sky2{stop-color:#8a6a4f}"
    ".dune0{fill:#7d6546}.dune1{fill:#664f35}.dune2{fill:#4e3c28}"
)

STYLE: Final = f"""
:root{{color-scheme:light dark;{_variables(LIGHT)}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 {SANS};overflow-wrap:anywhere}}
main{{max-width:1120px;margin:0 auto;padding:0 0 2rem;display:grid;grid-template-columns:minmax(0,1fr);gap:1rem}}
section,.card,footer{{background:var(--paper);padding:1.2rem 1.25rem}}
.card{{padding:0 0 1.2rem}}.card>*{{margin-left:1.25rem;margin-right:1.25rem}}.card>svg{{margin:0}}
.alone h1{{margin-top:1.2rem}}
svg{{display:block;width:100%;height:auto}}
h1,h2,p,dl,dd,ol,figure,pre{{margin:0}}
h1{{font:400 2rem/1.2 {SERIF};margin-top:.2rem}}
h2{{font:600 1.05rem/1.3 {SANS};margin-bottom:.7rem}}h3{{font:600 1rem/1.3 {SANS};margin:1.1rem 0 .4rem}}
.head{{display:flex;justify-content:space-between;align-items:center;gap:1rem;margin-top:1rem}}
.head span{{letter-spacing:.12em;font-size:.74rem;color:var(--soft)}}
.seal{{border-radius:1em;padding:.2em .9em;font-weight:600;font-size:.85rem;color:#fff;white-space:nowrap}}
{"".join(f".seal.{name}{{background:{colour}}}" for name, colour in SEALS.items())}
.latin{{font-family:{SERIF};font-style:italic;color:var(--soft)}}
.lead{{margin-top:.7rem!important;color:var(--soft)}}
dl{{display:grid;grid-template-columns:1fr 1fr;gap:.8rem 1rem;margin-top:1rem!important}}
dl div.wide{{grid-column:1/-1}}dt,.small{{font-size:.82rem;color:var(--soft)}}
blockquote{{margin:1.2rem 1.25rem;padding:.9rem 0;border:solid var(--line);border-width:1px 0;text-align:center;
font:italic 1.15rem/1.5 {SERIF}}}
.scan{{display:flex;gap:1rem;align-items:center;margin-top:1rem}}.scan svg{{flex:none;width:120px}}
code,.code{{font-family:{MONOSPACE};font-size:.84rem}}
pre{{background:var(--shade);border-radius:8px;padding:.8rem;overflow-x:auto;white-space:pre-wrap;user-select:all;
-webkit-user-select:all;overflow-wrap:anywhere;margin:.7rem 0}}
a{{color:var(--accent)}}a:focus-visible,pre:focus-visible{{outline:3px solid var(--accent);outline-offset:2px}}
ol{{list-style:none;padding:0}}
li{{position:relative;padding:0 0 1.1rem 1.4rem;border-left:2px solid var(--line);margin-left:.4rem}}
li:last-child{{border-color:transparent;padding-bottom:0}}
li::before{{content:"";position:absolute;left:-7px;top:.45em;width:12px;height:12px;border-radius:50%;
background:{SEALS["standing"]};border:2px solid var(--paper)}}
li.dead::before,li.corrected::before,li.dedication_erased::before{{background:{SEALS["over"]}}}
li.requested::before{{background:{SEALS["awaited"]}}}
.note{{margin-top:.35rem;padding:.45rem .7rem;background:var(--shade);border-radius:8px;font-size:.9rem}}
del{{color:var(--soft)}}
figure img{{display:block;width:100%;max-height:70vh;object-fit:contain;background:var(--shade);border-radius:8px}}
figcaption{{margin-top:.5rem}}
.map{{border-radius:8px;margin-bottom:.7rem}}.sand{{fill:var(--shade)}}
.site{{fill:{SEALS["standing"]};fill-opacity:.2;stroke:var(--accent);stroke-width:1.5}}
.grid{{stroke:var(--soft);stroke-opacity:.35;stroke-width:.7}}.degrees{{fill:var(--soft);font:11px {SANS}}}
.halo{{fill:none;stroke:var(--ink);stroke-width:1.2}}.dot{{fill:var(--accent)}}.dot.dead{{fill:var(--soft)}}
.scale{{fill:none;stroke:var(--ink);stroke-width:1.4}}
.count{{font:400 1.4rem/1.3 {SERIF};margin-bottom:.3rem}}
nav{{display:flex;flex-wrap:wrap;gap:.4rem 1.4rem}}
.hidden{{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}}
@media (min-width:900px){{
main{{grid-template-columns:minmax(0,5fr) minmax(0,7fr);padding:2rem 1.5rem;gap:1.5rem;align-items:start}}
main.alone{{grid-template-columns:minmax(0,560px);justify-content:center}}
.left,.right{{display:grid;gap:1.5rem}}
section,.card,footer{{border-radius:14px;overflow:hidden}}section,footer{{padding:1.5rem 1.75rem}}
.card>*{{margin-left:1.75rem;margin-right:1.75rem}}
}}
@media (max-width:899px){{.left,.right{{display:grid;gap:1rem}}}}
@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}{_DARK_DESERT}}}
@media print{{
:root{{{_variables(LIGHT._replace(ground="#fff", paper="#fff"))}color-scheme:light}}
body{{font-size:11pt}}main{{display:block;max-width:none;padding:0}}
nav,.screen{{display:none}}section,.card,footer{{break-inside:avoid;border-top:1px solid var(--line)}}
li,figure{{break-inside:avoid}}a{{color:inherit}}.seal{{color:var(--ink);background:none!important;border:1px solid}}
}}
""".replace("\n", "")
"""Everything in it is ours, so it has no text of a person or a partner."""

"""The drawings of the species: each of the default catalog has its own, and a state is visible."""

from itertools import combinations
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

import pytest
import yaml

from saxaul.catalog.areas import distance_km
from saxaul.certificate.locator import draw_map
from saxaul.certificate.site import SitePolygon
from saxaul.certificate.species import Growth, draw_tree, drawing_of

CATALOG = Path(__file__).parents[2] / "catalog" / "tree-projects.yaml"
LATIN = [project["latin"] for project in yaml.safe_load(CATALOG.read_text("utf-8")).values()]


def drawn(latin: str, growth: Growth) -> str:
    parent = Element("g")
    draw_tree(parent, latin, growth)
    return tostring(parent, "unicode")


def test_each_species_of_the_default_catalog_has_a_drawing_of_its_own() -> None:
    drawings = [drawing_of(latin) for latin in [*LATIN, "Prunus dulcis", "Quercus robur"]]

    for drawing, other in combinations(drawings, 2):
        assert {leaves.path for leaves in drawing.leafage}.isdisjoint(leaves.path for leaves in other.leafage)
        assert {branch.path for branch in drawing.branches}.isdisjoint(branch.path for branch in other.branches)
        assert {leaves.colour for leaves in drawing.leafage} != {leaves.colour for leaves in other.leafage}


@pytest.mark.parametrize("latin", [*LATIN, "Prunus dulcis", ""])
def test_a_dead_tree_has_no_leaves_and_an_awaited_one_is_dotted(latin: str) -> None:
    colours = [leaves.colour for leaves in drawing_of(latin).leafage]

    assert all(colour in drawn(latin, "alive") for colour in colours)
    assert not any(colour in drawn(latin, "dead") for colour in colours)
    assert "stroke-dasharray" in drawn(latin, "awaited")
    assert "stroke-dasharray" not in drawn(latin, "alive")


def test_the_genus_decides_and_its_spelling_does_not_matter() -> None:
    assert drawing_of("HALOXYLON persicum") == drawing_of("Haloxylon ammodendron")


def test_a_drawing_is_small_enough_for_a_page() -> None:
    assert max(len(drawn(latin, "alive")) for latin in [*LATIN, "Prunus dulcis", ""]) < 30_000


@pytest.mark.parametrize(("lat", "lon"), [(38.85, 105.73), (-71.0, 179.9), (0.0, -180.0), (84.0, 12.0)])
def test_the_points_of_a_circle_are_as_far_from_its_centre_as_its_radius(lat: float, lon: float) -> None:
    [ring] = SitePolygon.around(lat, lon, 50).rings

    assert len(ring) == 72
    assert [distance_km(lat, lon, *point) for point in ring] == [pytest.approx(50)] * 72


@pytest.mark.parametrize(("lat", "lon"), [(38.85, 105.73), (-71.0, 179.9), (0.0, -179.9), (-33.5, -70.2)])
@pytest.mark.parametrize("radius_km", [0.1, 50.0, 500.0])
def test_a_map_has_its_tree_its_area_a_scale_and_a_few_lines_inside(lat: float, lon: float, radius_km: float) -> None:
    svg = draw_map(
        SitePolygon.around(lat, lon, radius_km), (lat, -180.0 if lon > 179 else lon), is_dead=False, title="map"
    )

    dot = next(element for element in svg.iter("circle") if element.get("class") == "dot")
    assert 0 < float(dot.get("cx", "")) < 360
    assert 0 < float(dot.get("cy", "")) < 250
    [area] = areas_of(svg)
    corners = [tuple(map(float, corner.split(","))) for corner in area.strip("MZ").split("L")]
    assert all(-0.1 <= x <= 360.1 and -0.1 <= y <= 250.1 for x, y in corners)
    lines = [element for element in svg.iter("path") if element.get("class") == "grid"]
    assert 2 <= len(lines) <= 12
    [scale] = [text.text for text in svg.iter("text") if text.get("text-anchor") == "end"]
    assert scale
    assert scale.endswith((" km", " m"))


def test_a_map_shows_the_holes_of_an_area() -> None:
    ring = ((1057000000, 388000000), (1058000000, 388000000), (1058000000, 389000000), (1057000000, 388000000))
    svg = draw_map(SitePolygon.within((ring, ring)), None, is_dead=False, title="map")

    [area] = areas_of(svg)
    assert area.count("M") == area.count("Z") == 2
    assert area.count("L") == 6


def areas_of(svg: Element) -> list[str]:
    return [element.get("d", "") for element in svg.iter("path") if element.get("class") == "site"]


def test_a_map_without_a_known_area_shows_the_tree_alone() -> None:
    svg = draw_map(None, (38.85, 105.67), is_dead=True, title="map")

    assert areas_of(svg) == []
    assert [element.get("class") for element in svg.iter("circle")] == ["halo", "dot dead"]

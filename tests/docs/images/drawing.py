"""A picture for the pages: an SVG on a card of its own, with colours for light and for dark pages.

Pages show it with `![alternative text](images/NAME.svg)`. Nothing in it is loaded from elsewhere, and it has a title
and a description for screen readers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from xml.sax.saxutils import escape

__all__ = ["CHARACTER", "COLOURS", "TEXT_ON", "Drawing", "Pair"]


class Pair(NamedTuple):
    light: str
    dark: str


COLOURS = {
    "card": Pair("#ffffff", "#161b22"),
    "zone": Pair("#f3f6f9", "#1f262e"),
    "edge": Pair("#d0d7de", "#444c56"),
    "line": Pair("#24292f", "#e6edf3"),
    "text": Pair("#1b1f24", "#e6edf3"),
    "dim": Pair("#57606a", "#a3adb8"),
    "blue": Pair("#0a5cc2", "#6cb6ff"),
    "on-blue": Pair("#e3f1ff", "#10294a"),
    "amber": Pair("#7d4e00", "#d4a72c"),
    "on-amber": Pair("#fff4e0", "#3a2d10"),
    "green": Pair("#116329", "#57ab5a"),
    "on-green": Pair("#dff5e3", "#12301a"),
    "red": Pair("#b3141d", "#ff8a80"),
    "on-red": Pair("#ffebe9", "#42181a"),
    "cyan": Pair("#0b6170", "#56c8d8"),
}
"""A shape of the class `NAME` is filled with it, and a text has it; `edge-NAME` is the border of a shape."""

TEXT_ON = {
    "card": ("text", "dim", "blue", "amber", "green", "red", "cyan"),
    "zone": ("text", "dim", "blue"),
    **{f"on-{name}": ("text", "dim", name) for name in ("blue", "amber", "green", "red")},
}
"""The colours of text on each background."""

CHARACTER = 0.6
"""The width of a character in a monospaced font, as a part of its size."""

_SANS = '-apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif'
_MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace'


def _rules(scheme: int) -> list[str]:
    rules = []
    for name, colours in COLOURS.items():
        colour = colours[scheme]
        rules += [f".{name} {{ fill: {colour}; }}", f".edge-{name} {{ stroke: {colour}; }}"]
    return rules


@dataclass
class Drawing:
    """Positions and sizes are in pixels, from the top left corner."""

    title: str
    description: str
    width: int
    height: int
    _shapes: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, look: str, radius: float = 6) -> None:
        """`look`: classes, such as `on-blue edge-blue`."""
        place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}"'
        self._shapes.append(f'<rect class="{look}" {place}/>')

    def text(self, x: float, y: float, text: str, look: str = "text", anchor: str = "start") -> None:
        """`y` is the base line."""
        ends = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._shapes.append(f'<text class="{look}" x="{x:g}" y="{y:g}"{ends}>{escape(text)}</text>')

    def code(self, x: float, y: float, text: str, look: str = "text", size: float = 13) -> None:
        """Monospaced, and exactly as wide in every font."""
        if text.strip():
            width = len(text) * size * CHARACTER
            place = f'x="{x:g}" y="{y:g}" font-size="{size:g}" textLength="{width:g}" lengthAdjust="spacingAndGlyphs"'
            self._shapes.append(f'<text class="mono {look}" {place} xml:space="preserve">{escape(text)}</text>')

    def arrow(self, path: str, look: str = "edge-line") -> None:
        self._shapes.append(f'<path class="arrow {look}" d="{path}"/>')

    def line(self, path: str, look: str = "edge-dim") -> None:
        self._shapes.append(f'<path class="stroke {look}" d="{path}"/>')

    def badge(self, x: float, y: float, text: str, colour: str = "line") -> None:
        """A number in a circle with that centre."""
        self._shapes.append(f'<circle class="{colour}" cx="{x:g}" cy="{y:g}" r="9"/>')
        self._shapes.append(f'<text class="number" x="{x:g}" y="{y + 4.5:g}" text-anchor="middle">{text}</text>')

    def svg(self) -> str:
        light, dark = _rules(0), _rules(1)
        style = [
            f"text {{ font-family: {_SANS}; font-size: 14px; }}",
            f".mono {{ font-family: {_MONO}; white-space: pre; }}",
            ".bold { font-weight: 700; }",
            ".small { font-size: 12.5px; }",
            f".number {{ fill: {COLOURS['card'].light}; font-weight: 700; font-size: 12.5px; }}",
            ".arrow { fill: none; stroke-width: 1.8; marker-end: url(#tip); }",
            ".stroke { fill: none; }",
            ".wide { stroke-width: 1.8; }",
            ".dashed { stroke-dasharray: 5 4; }",
            *light,
        ]
        inverted = f".number {{ fill: {COLOURS['card'].dark}; }}"
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title description">',
            f'  <title id="title">{escape(self.title)}</title>',
            f'  <desc id="description">{escape(self.description)}</desc>',
            "  <style>",
            *(f"    {rule}" for rule in style),
            "    @media (prefers-color-scheme: dark) {",
            *(f"      {rule}" for rule in [*dark, inverted]),
            "    }",
            "  </style>",
            '  <marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">',
            '    <path class="line" d="M0 0 10 5 0 10z"/>',
            "  </marker>",
            f'  <rect class="card edge-edge" x="1" y="1" width="{self.width - 2}" height="{self.height - 2}" rx="10"/>',
            *(f"  {shape}" for shape in self._shapes),
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

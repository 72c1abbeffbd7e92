"""A picture for the pages: an SVG on a card of its own, with colours for light and for dark pages.

Pages show it with `![alternative text](images/NAME.svg)`. Nothing in it is loaded from elsewhere, and it has a title
and a description for screen readers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

__all__ = ["CHARACTER", "Drawing"]


# A shape of the class `NAME` is filled with it, and a text has it; `edge-NAME` is the border of a shape. For light and
# for dark pages.
COLOURS = {
    "card": ("#ffffff", "#161b22"),
    "edge": ("#d0d7de", "#444c56"),
    "text": ("#1b1f24", "#e6edf3"),
    "dim": ("#57606a", "#a3adb8"),
    "blue": ("#0a5cc2", "#6cb6ff"),
    "amber": ("#7d4e00", "#d4a72c"),
    "green": ("#116329", "#57ab5a"),
    "red": ("#b3141d", "#ff8a80"),
    "cyan": ("#0b6170", "#56c8d8"),
}

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
        """`look`: classes, such as `blue`."""
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

    def svg(self) -> str:
        light, dark = _rules(0), _rules(1)
        style = [
            f"text {{ font-family: {_SANS}; font-size: 14px; }}",
            f".mono {{ font-family: {_MONO}; white-space: pre; }}",
            ".bold { font-weight: 700; }",
            *light,
        ]
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title description">',
            f'  <title id="title">{escape(self.title)}</title>',
            f'  <desc id="description">{escape(self.description)}</desc>',
            "  <style>",
            *(f"    {rule}" for rule in style),
            "    @media (prefers-color-scheme: dark) {",
            *(f"      {rule}" for rule in dark),
            "    }",
            "  </style>",
            f'  <rect class="card edge-edge" x="1" y="1" width="{self.width - 2}" height="{self.height - 2}" rx="10"/>',
            *(f"  {shape}" for shape in self._shapes),
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

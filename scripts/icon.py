"""Draws the server's icon as a PNG, which a desktop bundle wants: the same drawing as the SVG that hosts get."""

import re
import struct
import zlib
from collections.abc import Iterator
from urllib.parse import unquote

from juspay_mcp.server.card import ICON

GRID = 8
"""How many squares the drawing is wide and high: its viewBox."""

SCALE = 64
"""How many pixels a square is wide and high."""

Point = tuple[int, int]


def png() -> bytes:
    """The picture, transparent where nothing is drawn. Its palette: nothing, and the colour of the drawing."""
    svg = unquote(ICON.src)
    [(colour, path)] = re.findall(r"<path fill='#(\w{3})' d='([^']+)'/>", svg)
    outlines = list(polygons(path))
    lines = [bytes(inside(outlines, x, y) for x in range(GRID) for _ in range(SCALE)) for y in range(GRID)]
    drawn = zlib.compress(b"".join(b"\0" + line for line in lines for _ in range(SCALE)), 9)
    header = struct.pack(">IIBBBBB", GRID * SCALE, GRID * SCALE, 8, 3, 0, 0, 0)
    palette = bytes(3) + bytes(int(digit * 2, 16) for digit in colour)
    parts = [(b"IHDR", header), (b"PLTE", palette), (b"tRNS", b"\0\xff"), (b"IDAT", drawn), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, content) for kind, content in parts)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def polygons(path: str) -> Iterator[list[Point]]:
    """The outlines of an SVG path of the commands that the icon has: M, h, H, v, V and z."""
    for outline in path.split("z")[:-1]:
        points: list[Point] = []
        for command, numbers in re.findall(r"([MhHvV])([-\d,]+)", outline):
            points.append(moved(points, command, [int(number) for number in numbers.split(",")]))
        yield points


def moved(points: list[Point], command: str, numbers: list[int]) -> Point:
    """Where a command leads from the last point."""
    match command:
        case "h":
            return points[-1][0] + numbers[0], points[-1][1]
        case "H":
            return numbers[0], points[-1][1]
        case "v":
            return points[-1][0], points[-1][1] + numbers[0]
        case "V":
            return points[-1][0], numbers[0]
        case _:
            return numbers[0], numbers[1]


def inside(outlines: list[list[Point]], x: int, y: int) -> bool:
    """Whether a square is drawn: an odd number of outlines' upright edges are to its right."""
    edges = [edge for points in outlines for edge in zip(points, points[1:] + points[:1], strict=True)]
    crossed = [a for a, b in edges if a[0] == b[0] > x and min(a[1], b[1]) <= y < max(a[1], b[1])]
    return len(crossed) % 2 == 1

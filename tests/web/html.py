"""A page as a tree, for questions about what stands where."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self

VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])


@dataclass(eq=False, repr=False)
class Element:
    """An element with what is in it; `text` is all that is written there, however deep."""

    tag: str
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    parent: Self | None = None
    inner: list[Self | str] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.attributes.get(name) or ""

    @property
    def text(self) -> str:
        return " ".join(part if isinstance(part, str) else part.text for part in self.inner).strip()

    def all(self, *tags: str) -> Iterator[Self]:
        """Every element below with one of these tags (any, without), in the order of the page."""
        for part in self.inner:
            if isinstance(part, Element):
                if not tags or part.tag in tags:
                    yield part
                yield from part.all(*tags)

    def within(self, tag: str) -> bool:
        """Whether it stands in such an element."""
        return self.parent is not None and (self.parent.tag == tag or self.parent.within(tag))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), self.open[-1])
        self.open[-1].inner.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].inner.append(Element(tag, dict(attrs), self.open[-1]))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        ended = self.open.pop()
        assert ended.tag == tag, f"expected the end of <{ended.tag}>, found that of <{tag}>"

    def handle_data(self, data: str) -> None:
        self.open[-1].inner.append(data)


def read(page: str) -> Element:
    """The tree of a page whose elements all end where they should."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert len(reader.open) == 1, f"expected every element to end, found open: {[e.tag for e in reader.open[1:]]}"
    return reader.open[0]

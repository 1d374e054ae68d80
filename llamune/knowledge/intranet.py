"""Reads sites of the intranet that the user has listed, and finds the passages in them that may answer a question.

Nothing else is ever called: a link or a redirect that leads to another host is left alone and told, proxies are not
used, and a name that suddenly leads elsewhere is refused by the guard. What a page says is material, never obeyed: no
script runs, no picture is loaded. Pages of a sitemap are read once a run.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin, urlsplit

from llamune.address import Address, Site
from llamune.chat.passage import Found
from llamune.engine.http import Check, Http, HttpError
from llamune.errors import LlamuneError
from llamune.i18n import _
from llamune.knowledge.webpage import Page, Unread, decoded, links, locations, passages, place, read_page, terms
from llamune.network.guard import SAID
from llamune.text import one_line

PAGES = 6  # results of a search page that are read
MAPPED = 60  # pages of a sitemap that are read
AT_ONCE = 4
HOPS = 3  # redirects within one host
PATIENCE_S = 10.0  # for one page
LARGEST = 2_000_000  # bytes of a page
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(slots=True)
class Read:
    """The outcome of one search: the passages, the pages that were read, and what was not."""

    found: Found
    pages: list[Page] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Intranet:
    """The listed sites.

    Args:
        check: the network policy, asked before every connection.
        refused: is told what was refused, and where to.
    """

    def __init__(self, sites: Sequence[Site], check: Check, refused: Callable[[str, str], None]) -> None:
        self._sites, self._check, self._refused = sites, check, refused
        self._places = {site.address.url for site in sites}
        self._mapped: dict[str, Page] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def search(self, query: str) -> Read:
        """Passages for a question. What could not be read is no error; it is in the notes."""
        made = Read(Found(query))
        wanted = terms(query)
        for site in self._sites:
            if "{query}" in site.page:
                made.pages += await self._searched(site, query, wanted, made.notes)
            elif site.page:
                made.pages += await self._of_sitemap(site, made.notes)
        made.pages = list({page.url: page for page in made.pages}.values())
        best = passages(made.pages, wanted)
        made.found = Found(query, best, "strong" if best else "none", hits=best)
        return made

    async def _searched(self, site: Site, query: str, wanted: Counter[str], notes: list[str]) -> list[Page]:
        """The best results of a search page."""
        base = _root(site) + site.page.replace("{query}", quote(query, safe=""))
        try:
            found = decoded(*await self._get(base))
        except Unread as error:
            notes.append(f"{base.partition('?')[0]}: {error}")
            return []
        targets = links(found, base)
        elsewhere = [urlsplit(url).netloc for url in targets if not self._listed(url)]
        if elsewhere:
            told = _("links to hosts that are not listed were left alone: {hosts}")
            notes.append(told.format(hosts=one_line(", ".join(sorted(set(elsewhere))[:5]))))
        own = urlsplit(base).path
        mine = [url for url in targets if self._listed(url) and urlsplit(url).path not in (own, "", "/")]
        mine.sort(key=lambda url: -len(wanted.keys() & terms(f"{targets[url]} {url}").keys()))
        return await self._pages(mine[:PAGES], notes)

    async def _of_sitemap(self, site: Site, notes: list[str]) -> list[Page]:
        """The pages of a sitemap, read at the first search."""
        base = _root(site) + site.page
        try:
            urls = locations(decoded(*await self._get(base)))
        except Unread as error:
            notes.append(f"{base.partition('?')[0]}: {error}")
            return []
        mine = [url for url in urls if self._listed(url)]
        if len(mine) > MAPPED:
            notes.append(_("{url}: only the first {n} pages are read").format(url=base, n=MAPPED))
        new = await self._pages([url for url in mine[:MAPPED] if url not in self._mapped], notes)
        self._mapped |= {page.url: page for page in new}
        return [self._mapped[url] for url in mine[:MAPPED] if url in self._mapped]

    async def _pages(self, urls: Sequence[str], notes: list[str]) -> list[Page]:
        async def page(url: str) -> Page | None:
            async with self._gate:
                try:
                    return await asyncio.to_thread(read_page, url, *await self._get(url))
                except Unread as error:
                    notes.append(f"{url}: {error}")
                    return None

        return [found for found in await asyncio.gather(*map(page, urls)) if found]

    async def _get(self, url: str) -> tuple[str, bytes]:
        """Content type and body. Raises Unread."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._followed(url)
        except TimeoutError:
            raise Unread(_("no answer within {n} s").format(n=round(PATIENCE_S))) from None
        except LlamuneError as error:  # the policy's
            raise Unread(error.message) from error
        except HttpError as error:
            told = _("refused: its name led to another address than before")
            raise Unread(told if SAID in str(error) else one_line(str(error))) from error

    async def _followed(self, url: str) -> tuple[str, bytes]:
        for _hop in range(HOPS + 1):
            parts = urlsplit(url)
            where = Address.parse(f"{parts.scheme}://{parts.netloc}")
            asked = f"?{parts.query}" if parts.query else ""
            target = quote((parts.path or "/") + asked, safe="/%?&=+:;,@!$'()*~-._")
            async with Http(where, self._check).request("GET", target) as exchange:
                status = await exchange.head()
                if status == 200:
                    return exchange.headers.get("content-type", ""), await exchange.read(LARGEST)
                if status not in REDIRECTS:
                    raise Unread(f"HTTP {status}")
                url = self._same_place(where, urljoin(url, exchange.headers.get("location", "")))
        raise Unread(_("too many redirects"))

    def _same_place(self, where: Address, url: str) -> str:
        """The target of a redirect, which may only be on the same host. Raises Unread."""
        if place(url) == where.url:
            return url
        self._refused("redirect", one_line(urlsplit(url).netloc or url)[:200])
        raise Unread(_("refused: it redirects to {place}").format(place=one_line(urlsplit(url).netloc or url)))

    def _listed(self, url: str) -> bool:
        return place(url) in self._places


def _root(site: Site) -> str:
    """A site's address as people write it."""
    usual = ":443" if site.address.tls else ":80"
    return site.address.url.removesuffix(usual)

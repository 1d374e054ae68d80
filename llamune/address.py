"""Where servers are: the one reading of the many ways in which people write an address, and a list of sites."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

PORTS = {"http": 80, "https": 443, "": 11434}  # the ports Ollama itself assumes when none is written
EVERYWHERE = {None: "127.0.0.1", "": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # how a server says "I listen"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is. `path` is put before every path asked for ("" or "/prefix")."""

    host: str
    port: int
    path: str = ""
    tls: bool = False

    @classmethod
    def parse(cls, text: str) -> "Address":
        """From any spelling that Ollama takes in OLLAMA_HOST: "host", "host:port", ":port", "[::1]:port", URLs.

        0.0.0.0 and :: become this machine's own address. Raises ValueError for what is no address.
        """
        bare = text.strip().strip("\"'").rstrip("/")
        scheme, _sep, rest = bare.rpartition("://")
        if scheme not in PORTS or any(c.isspace() or not c.isprintable() for c in bare):
            raise ValueError(text)
        place, slash, path = rest.partition("/")
        if place.count(":") > 1 and "[" not in place:
            place = f"[{place}]"  # a bare IPv6 address
        parts = urlsplit(f"//{place}{slash}{path}")
        port = PORTS[scheme] if parts.port is None else parts.port
        if parts.username is not None or parts.query or parts.fragment or not port:
            raise ValueError(text)
        host = EVERYWHERE.get(parts.hostname) or str(parts.hostname)
        return cls(host, port, quote(parts.path.rstrip("/"), safe="/%"), scheme == "https")

    @property
    def netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.netloc}{self.path}"

    @property
    def loopback(self) -> bool:
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


@dataclass(frozen=True, slots=True)
class Site:
    """A site of the intranet that may be read.

    Args:
        page: path (and query) of a search page with "{query}", or of a sitemap; "" = it is reached by links only.
    """

    address: Address
    page: str = ""


def sites(text: str) -> tuple[Site, ...]:
    """Sites by blanks: http://wiki/search?q={query}, http://docs/sitemap.xml, files:8080. Raises ValueError."""
    found = []
    for word in text.split():
        scheme, _sep, rest = word.rpartition("://")
        place, slash, page = rest.partition("/")
        site = Site(Address.parse(f"{scheme or 'http'}://{place}"), slash + page if page else "")
        if not place or "#" in page or (page and "{query}" not in page and not page.endswith(".xml")):
            raise ValueError(word)
        found.append(site)
    return tuple(found)

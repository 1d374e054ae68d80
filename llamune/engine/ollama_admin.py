"""What is done to an Ollama server's models with the official `ollama` client: create, copy, delete, embed.

It is imported when first needed, in a thread, because it brings httpx and pydantic. Reads and the chat go through our
own client: the official one drops `remote_host`, cannot send `truncate` and `shift`, uploads without asking first, and
would cost more than the first token may. Its habits are switched off here: no proxies, no redirects, no API key taken
from the environment, no connection kept alive.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any

from llamune.address import Address
from llamune.engine.faults import no_embedding
from llamune.engine.http import CONNECT_TIMEOUT_S, Check
from llamune.engine.ollama_errors import failure, not_ollama, refused, unreachable
from llamune.errors import EngineError, EngineRefused, LlamuneError
from llamune.i18n import _

if TYPE_CHECKING:
    import ollama

    from llamune.chat.ports import Progress


class OllamaAdmin:
    """The slow verbs of one server. Raises EngineError children."""

    def __init__(self, address: Address, check: Check) -> None:
        self._address, self._check = address, check
        self._made: ollama.AsyncClient | None = None

    async def create(
        self, model: str, files: dict[str, str], template: str, parameters: Mapping[str, float], progress: "Progress"
    ) -> None:
        """Makes a model of blobs that the server has (file name → digest). An error line is a failure.

        Args:
            template: "" = the file's own. parameters: options of answers that say nothing else.
        """
        client = await self._client()
        with official_translated(self._address.netloc, model):
            steps: Any = await client.create(
                model, files=files, template=template or None, parameters=parameters or None, stream=True
            )
            last = ""
            async with aclosing(steps):
                async for step in steps:
                    last = step.status or ""
                    progress(last, step.completed or 0, step.total or 0)
            if last != "success":
                raise failure(f"create ended with {last!r}", model)

    async def delete(self, model: str) -> None:
        client = await self._client()
        where = self._address.netloc
        lacking = EngineRefused(
            _("The server at {where} cannot delete models.").format(where=where), _("Delete it where that server runs.")
        )
        with official_translated(where, model, lacking):
            await client.delete(model)

    async def copy(self, model: str, name: str) -> None:
        """Gives a model another name; the weights are there once."""
        client = await self._client()
        with official_translated(self._address.netloc, model):
            await client.copy(model, name)

    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text, never truncated."""
        client = await self._client()
        with official_translated(self._address.netloc, model, no_embedding(model)):
            response = await client.embed(model, list(texts), truncate=False)
            return [list(vector) for vector in response.embeddings]

    async def aclose(self) -> None:
        if self._made:
            await self._made.close()  # type: ignore[no-untyped-call]

    async def _client(self) -> "ollama.AsyncClient":
        if self._made is None:
            with official_import():
                self._made = await asyncio.to_thread(_official, self._address, self._check)
        return self._made


def _official(address: Address, check: Check) -> "ollama.AsyncClient":
    import httpx
    import ollama

    class Checked(httpx.AsyncHTTPTransport):
        """Asks the network policy before every request."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            check(request.url.host, request.url.port or address.port)
            return await super().handle_async_request(request)

    async def without_key(request: httpx.Request) -> None:
        request.headers.pop("authorization", None)

    return ollama.AsyncClient(
        host=address.url,
        follow_redirects=False,
        trust_env=False,
        timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
        transport=Checked(
            verify=address.tls,
            trust_env=False,
            uds=check(address.host, address.port),
            limits=httpx.Limits(max_connections=8, max_keepalive_connections=0),
        ),
        event_hooks={"request": [without_key]},
    )


@contextmanager
def official_import() -> Iterator[None]:
    """`import ollama` builds a client at once, which fails on a strange OLLAMA_HOST or proxy variable."""
    try:
        yield
    except (ImportError, ValueError, TypeError) as error:
        raise EngineError(
            _("The ollama package cannot be loaded: {reason}").format(reason=error),
            _("Look at OLLAMA_HOST and the proxy variables."),
        ) from error


@contextmanager
def official_translated(where: str, model: str, lacking: EngineError | None = None) -> Iterator[None]:
    """Turns whatever the official client, httpx or pydantic raise into the tree.

    Args:
        where: the server's address, for the message.
        model: the one concerned, for the message.
        lacking: what HTTP 501 means here, where that is known.
    """
    import httpx
    import ollama

    try:
        yield
    except LlamuneError:
        raise
    except ollama.ResponseError as error:
        raise (lacking if error.status_code == 501 and lacking else _response(error, model)) from error
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
        raise unreachable(where, str(error)) from error
    except (ollama.RequestError, httpx.CookieConflict, ValueError, TypeError, LookupError, AttributeError) as error:
        raise not_ollama(where) from error  # pydantic's and json's errors are ValueErrors


def _response(error: "ollama.ResponseError", model: str) -> EngineError:
    said = error.error if isinstance(error.error, str) else str(error.error)
    if error.status_code == -1:  # a line in mid-stream
        return failure(said, model)
    return refused(error.status_code, said, model)

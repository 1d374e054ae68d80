"""The base of an own model: what the user named, as files here, and the engine that will have the result."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llamune.engine import gguf
from llamune.engine.catalog import Catalog
from llamune.errors import TrainingError, UsageError
from llamune.i18n import _
from llamune.text import one_line
from llamune.training import hf_folder

FAMILIES = ("llama", "qwen2", "qwen3")  # those whose export is verified by tests; as in child/base.py
To = Literal["", "ollama", "embedded"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A base.

    Args:
        file: its weights, a GGUF file or a Hugging Face folder.
        model: its name, "" for files; digest: of the model, "" = not known.
        engine: which gets the result: "ollama" or "embedded"; like: the Ollama model whose template … are taken over.
    """

    file: Path
    model: str
    digest: str
    engine: str
    like: str


async def choose(catalog: Catalog, name: str, to: To = "") -> Chosen:
    """The base for a model's name, a .gguf file or a Hugging Face folder.

    Args:
        to: where the result goes; "" = Ollama where it answers, else the built-in engine.

    Raises: UsageError, ModelNotFound, TrainingError with what would work.
    """
    if to != "embedded" and await catalog.server_version() is not None:
        engine = "ollama"
    elif to == "ollama":
        raise TrainingError(_("Ollama does not answer."), _("Without --to the built-in engine gets the model."))
    else:
        engine = "embedded"
    if name.endswith(".gguf"):
        return Chosen(_checked(name, name), "", "", engine, "")
    if folder := hf_folder.found(name):
        hf_folder.check(folder, FAMILIES)
        return Chosen(folder, "", "", engine, "")
    _engine, info = await catalog.find(name)
    if info.path:
        return Chosen(_checked(info.path, name), info.name, info.digest, engine, "")
    found = await catalog.ollama.own.base_file(info.name) if catalog.ollama and info.engine == "ollama" else None
    if found is None:
        raise UsageError(
            _("{name} has no file on this machine that could be trained.").format(name=name),
            _("Name a .gguf file, or a model of: {command}").format(command="llamune models list"),
        )
    return Chosen(_checked(str(found), name), info.name, info.digest, engine, info.name if engine == "ollama" else "")


def present(file: str, name: str) -> None:
    """Raises TrainingError when the base of a version is gone: removed from Ollama, a file that was moved."""
    if not os.path.exists(file):
        raise TrainingError(
            _("The base of {name} is not there any more: {path}").format(name=name, path=file),
            _("Install the same base again; nothing else is lost."),
        )


def _checked(file: str, name: str) -> Path:
    """The file, when it can be read and is of a family that can be exported. Raises TrainingError."""
    path = Path(file).expanduser()
    try:
        about = gguf.read(path)
    except PermissionError as error:  # the file, or a folder above it
        raise TrainingError(
            _("The file of {name} belongs to another user and cannot be read: {path}").format(name=name, path=path),
            _("Ask its owner for a copy, or take the model's .gguf file as --base."),
        ) from error
    except (OSError, gguf.BadGguf) as error:
        reason = getattr(error, "strerror", None) or error
        raise TrainingError(
            _("{path} cannot be read: {reason}").format(path=one_line(str(path)), reason=reason)
        ) from error
    if about.architecture not in FAMILIES or about.pooling or about.kind != "model":
        raise TrainingError(
            _("{name} is of a kind ({kind}) whose export is not verified, so it is not trained.").format(
                name=name, kind=about.architecture
            ),
            _("Possible: models of the families {families}.").format(families=", ".join(FAMILIES)),
        )
    if not about.chat_template:
        raise TrainingError(
            _("{name} has no chat template in its file.").format(name=name),
            _("Take the instruct or chat version of this model."),
        )
    return path.absolute()

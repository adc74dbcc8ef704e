"""Answers of any type, made from the type itself, and faults put into one place of them."""

from __future__ import annotations

import importlib
import itertools
import json
import pkgutil
import types
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec

from market_assets import sources
from market_assets.sources.decoding import Decoder

IGNORED = "aKeyThatNobodyReads"
DEEP = 3000
"""Levels that no Python code follows; nor does the decoder, before Python 3.13."""


def _endless() -> int:
    """Levels that the decoder does not follow: how many it does depends on the interpreter."""
    for levels in itertools.count(DEEP, DEEP):
        try:
            msgspec.json.decode(b"[" * levels + b"]" * levels)
        except RecursionError:
            return levels
    raise AssertionError


ENDLESS = _endless()
LEXICAL = (
    b'"half a pair \\ud83d"',
    b'"the other half \\udc00b"',
    b'"a control character \x01"',
    b'"a line\nbreak"',
    b'"no UTF-8 \xff\xfe"',
    b'"no escape \\x41"',
    b'"half an escape \\u12"',
    b'"a "quote" in a text"',
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"-1e999",
    b"1" * 400,
    b"1" * 5000,
    b"01",
    b"+1",
    b".5",
    b"tru",
    b"None",
    b"undefined",
    b"'quoted'",
    b"[" * DEEP + b"]" * DEEP,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    b"[" * ENDLESS + b"]" * ENDLESS,
    b"[1, NaN]",
    b'{"a": NaN}',
    b'{"half \\ud83d": 1}',
    b"[1,, 2]",
    b'{"a" 1}',
    b'[{"a": 1]',
    b"",
)
"""What is no JSON, or what no type holds."""
OF_ANOTHER_TYPE = (b"{}", b"[]", b"[[1]]", b'{"a": 1}', b"true", b'"text"', b"-7", b"0.5", b"null")


class Spoiled(NamedTuple):
    """Stands in a tree for text that is put there as it is."""

    text: bytes


class Place(NamedTuple):
    """A place in a tree.

    Attributes:
        path: keys and positions that lead to it.
        in_row: on the way there is a row that can be left out.
        is_ignored: nobody reads it.
    """

    path: tuple[str | int, ...]
    in_row: bool
    is_ignored: bool = False


def decoders() -> dict[str, Decoder[Any]]:
    """Every decoder of every source, by module and name."""
    found = {}
    for module in pkgutil.walk_packages(sources.__path__, f"{sources.__name__}."):
        for name, thing in vars(importlib.import_module(module.name)).items():
            if isinstance(thing, Decoder):
                found[f"{module.name.removeprefix('market_assets.sources.')}.{name}"] = thing
    return found


def sound(type_: Any, numbers: itertools.count[int]) -> Any:
    """A tree of a type: everything is given, and every number and text is another."""
    bare = _bare(type_)
    origin, arguments = get_origin(bare), get_args(bare)
    if origin in (Union, types.UnionType):
        return sound(max(arguments, key=_weight), numbers)
    if origin is list:
        return [sound(arguments[0], numbers) for _ in range(3)]
    if origin is tuple:
        return [sound(argument, numbers) for argument in arguments]
    if origin is dict:
        return {f"key{next(numbers)}": sound(arguments[1], numbers) for _ in range(3)}
    if _is_struct(bare):
        config = bare.__struct_config__
        tree = {config.tag_field: config.tag} if config.tag is not None else {}
        fields = msgspec.structs.fields(bare)
        return tree | {field.encode_name: sound(field.type, numbers) for field in fields}
    number = next(numbers)
    return {str: f"text{number}", float: number + 0.5, bool: True, type(None): None}.get(
        bare, number
    )


def places(type_: Any, tree: Any, path: tuple[str | int, ...] = (), in_row: bool = False) -> Any:  # noqa: FBT001, FBT002 - a helper of its own
    """Every place in a tree of a type, and in each object one that nobody reads."""
    bare = _bare(type_)
    origin, arguments = get_origin(bare), get_args(bare)
    if origin in (Union, types.UnionType):
        yield from places(max(arguments, key=_weight), tree, path, in_row)
    elif origin is list:
        inside = in_row or type(None) in get_args(_bare(arguments[0]))
        for position, element in enumerate(tree):
            yield Place((*path, position), inside)
            yield from places(arguments[0], element, (*path, position), inside)
    elif origin is tuple:
        for position, (argument, element) in enumerate(zip(arguments, tree, strict=True)):
            yield Place((*path, position), in_row)
            yield from places(argument, element, (*path, position), in_row)
    elif origin is dict:
        for key, element in tree.items():
            yield Place((*path, key), in_row=True)
            yield from places(arguments[1], element, (*path, key), in_row=True)
    elif _is_struct(bare):
        yield Place((*path, IGNORED), in_row, is_ignored=True)
        for field in msgspec.structs.fields(bare):
            here = (*path, field.encode_name)
            yield Place(here, in_row)
            yield from places(field.type, tree[field.encode_name], here, in_row)


def with_fault(tree: Any, path: tuple[str | int, ...], text: bytes) -> Any:
    """The tree with text in one place."""
    if not path:
        return Spoiled(text)
    if isinstance(tree, dict):
        return {**tree, path[0]: with_fault(tree.get(path[0]), path[1:], text)}
    return [
        with_fault(element, path[1:], text) if position == path[0] else element
        for position, element in enumerate(tree)
    ]


def encoded(tree: Any) -> bytes:
    """The tree as JSON but for what is spoiled."""
    if isinstance(tree, Spoiled):
        return tree.text
    if isinstance(tree, dict):
        members = (json.dumps(key).encode() + b": " + encoded(item) for key, item in tree.items())
        return b"{" + b", ".join(members) + b"}"
    if isinstance(tree, list):
        return b"[" + b", ".join(map(encoded, tree)) + b"]"
    return json.dumps(tree).encode()


def differences(before: Any, after: Any, path: tuple[str | int, ...] = ()) -> Any:
    """Where two read values differ: keys of the wire and positions, and what is there now."""
    if isinstance(before, msgspec.Struct) and type(before) is type(after):
        for field in msgspec.structs.fields(type(before)):
            both = (getattr(before, field.name), getattr(after, field.name))
            yield from differences(*both, (*path, field.encode_name))
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from differences(before.get(key), after.get(key), (*path, key))
    elif (
        isinstance(before, list | tuple)
        and isinstance(after, list | tuple)
        and len(before) == len(after)
    ):
        for position, both in enumerate(zip(before, after, strict=True)):
            yield from differences(*both, (*path, position))
    elif before != after:
        yield path, after


def _bare(type_: Any) -> Any:
    while get_origin(type_) is Annotated:
        type_ = get_args(type_)[0]
    return type_


def _is_struct(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)


def _weight(type_: Any) -> int:
    """Of several types the one with the most in it."""
    bare = _bare(type_)
    if _is_struct(bare):
        return 4
    if get_origin(bare) in (list, tuple, dict):
        return 3
    return {type(None): 0, str: 1}.get(bare, 2)

"""Array access that tells the compiler: tables, sums and the rest never overlap.

A loop that looks up a table and stores cannot be vectorised by default, because the compiler
must assume that the store changes the table. These accesses carry the metadata (scopes, in
LLVM's language) that rule it out; nothing checks that it is true. Arrays may have any number of
dimensions and are accessed as if they had one. After a change here, clear numba's cache.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic as _intrinsic

# An intrinsic takes one argument less than its definition, which no type checker knows.
intrinsic: Any = _intrinsic


def _scopes(module):  # type: ignore[no-untyped-def]
    """Metadata lists that name the table, the sums, and both."""
    named = module.namedmetadata.get("gkplan.apart")
    if named is None:
        text = [ir.MetaDataString(module, f"gkplan.{n}") for n in ("apart", "table", "sums")]
        domain = module.add_metadata([text[0]])
        table, sums = (module.add_metadata([name, domain]) for name in text[1:])
        named = module.add_named_metadata("gkplan.apart")
        for scopes in ([table], [sums], [table, sums]):
            named.add(module.add_metadata(scopes))
    return named.operands


def _check(array):  # type: ignore[no-untyped-def]
    if not isinstance(array, types.Array) or array.layout != "C":
        raise TypingError(f"expected a contiguous array, got {array}")


def _pointer(context, builder, array_type, array, start, index):  # type: ignore[no-untyped-def]
    # In two steps: that what the first gives stays the same in a loop is then plain to see.
    data, wide = context.make_array(array_type)(context, builder, array).data, ir.IntType(64)
    first = builder.gep(data, [builder.sext(start, wide)])
    return builder.gep(first, [builder.sext(index, wide)])


@intrinsic
def look_up(typing_context, table, start, index):  # type: ignore[no-untyped-def]
    """``table[start + index]`` of a table that no store changes; both are int32."""

    _check(table)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        table_scope, sums_scope, _ = _scopes(builder.module)
        loaded = builder.load(_pointer(context, builder, signature.args[0], *arguments))
        loaded.set_metadata("alias.scope", table_scope)
        loaded.set_metadata("noalias", sums_scope)
        return loaded

    return table.dtype(table, types.int32, types.int32), generate


@intrinsic
def at(typing_context, array, start, index):  # type: ignore[no-untyped-def]
    """``array[start + index]`` of an array that is neither table nor sums; both are int32."""

    _check(array)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        loaded = builder.load(_pointer(context, builder, signature.args[0], *arguments))
        loaded.set_metadata("noalias", _scopes(builder.module)[2])
        return loaded

    return array.dtype(array, types.int32, types.int32), generate


@intrinsic
def add_to(typing_context, sums, start, index, value):  # type: ignore[no-untyped-def]
    """``sums[start + index] += value``; both are int32."""

    _check(sums)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        table_scope, sums_scope, _ = _scopes(builder.module)
        pointer = _pointer(context, builder, signature.args[0], *arguments[:3])
        before = builder.load(pointer)
        after = builder.store(builder.fadd(before, arguments[3], flags=("fast",)), pointer)
        for access in (before, after):
            access.set_metadata("alias.scope", sums_scope)
            access.set_metadata("noalias", table_scope)
        return context.get_dummy_value()

    return types.void(sums, types.int32, types.int32, sums.dtype), generate

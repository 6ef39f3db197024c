/**
  Fixed points: sets that refer to their own final form, and the overlays that
  change them.
*/
{ lib }:
rec {
  /**
    The value that a function maps to itself.

    Type: `fix :: (a -> a) -> a`

    Example: `(fix (self: { a = 1; b = self.a + 1; })).b` is `2`
  */
  fix =
    f:
    let
      x = f x;
    in
    x;

  /**
    `fix` that keeps the function in the result as `__unfix__`.

    Type: `fix' :: (AttrSet -> AttrSet) -> AttrSet`

    Example: `(fix' (self: { a = 1; })).a` is `1`
  */
  fix' =
    f:
    let
      x = f x // {
        __unfix__ = f;
      };
    in
    x;

  /**
    Apply a function again and again until nothing changes.

    Type: `converge :: (a -> a) -> a -> a`

    Example: `converge (x: x / 2) 16` is `0`
  */
  converge =
    f: x:
    let
      next = f x;
    in
    if next == x then x else converge f next;

  /**
    Lay an overlay (`final: prev: { … }`) over a function of the fixed point.

    Type: `extends :: (AttrSet -> AttrSet -> AttrSet) -> (AttrSet -> AttrSet) -> (AttrSet -> AttrSet)`

    Example: `fix (extends (final: prev: { b = prev.a + 1; }) (final: { a = 1; }))` is `{ a = 1; b = 2; }`
  */
  extends =
    overlay: f: final:
    let
      prev = f final;
    in
    prev // overlay final prev;

  /**
    One overlay made from two; the second sees what the first made.

    Type: `composeExtensions :: Overlay -> Overlay -> Overlay`

    Example: `composeExtensions (f: p: { a = 1; }) (f: p: { b = p.a; }) { } { }` is `{ a = 1; b = 1; }`
  */
  composeExtensions =
    first: second: final: prev:
    let
      changes = first final prev;
    in
    changes // second final (prev // changes);

  /**
    One overlay made from a list, applied first to last.

    Type: `composeManyExtensions :: [Overlay] -> Overlay`

    Example: `composeManyExtensions [ ] { } { a = 1; }` is `{ }`
  */
  composeManyExtensions = lib.foldr composeExtensions (_: _: { });

  /**
    The fixed point of a function, with an `extend` function that lays an
    overlay over it.

    Type: `makeExtensible :: (AttrSet -> AttrSet) -> AttrSet`

    Example: `((makeExtensible (final: { a = 1; })).extend (final: prev: { b = prev.a; })).b` is `1`
  */
  makeExtensible = makeExtensibleWithCustomName "extend";

  /**
    `makeExtensible` with a name of one's own for `extend`.

    Type: `makeExtensibleWithCustomName :: String -> (AttrSet -> AttrSet) -> AttrSet`

    Example: `((makeExtensibleWithCustomName "change" (final: { a = 1; })).change (final: prev: { a = 2; })).a` is `2`
  */
  makeExtensibleWithCustomName =
    name: f:
    fix' (
      self:
      f self
      // {
        ${name} = overlay: makeExtensibleWithCustomName name (extends overlay f);
      }
    );

  /**
    An overlay from what people write: a full overlay, a function of the
    former set only, or a set.

    Type: `toExtension :: (AttrSet | AttrSet -> AttrSet | Overlay) -> Overlay`

    Example: `toExtension { a = 1; } { } { }` is `{ a = 1; }`
  */
  toExtension =
    f:
    if lib.isFunction f then
      final: prev:
      let
        once = f prev;
      in
      if lib.isFunction once then f final prev else once
    else
      _: _: f;
}

/**
  Lists: folds, searching, sorting, slicing, and sets held in lists.
*/
{ lib }:
rec {
  inherit (builtins)
    all
    any
    concatLists
    concatMap
    elem
    elemAt
    filter
    genList
    head
    isList
    length
    map
    partition
    sort
    tail
    ;

  /**
    A list of one element.

    Type: `singleton :: a -> [a]`

    Example: `singleton "x"` is `[ "x" ]`
  */
  singleton = x: [ x ];

  /**
    `map` with its arguments swapped.

    Type: `forEach :: [a] -> (a -> b) -> [b]`

    Example: `forEach [ 1 2 ] (x: x * 2)` is `[ 2 4 ]`
  */
  forEach = xs: f: map f xs;

  /**
    Fold from the right: `op x1 (op x2 (… nul))`. Lazy in its second argument.

    Type: `foldr :: (a -> b -> b) -> b -> [a] -> b`

    Example: `foldr (x: acc: x + acc) "" [ "a" "b" ]` is `"ab"`
  */
  foldr =
    op: nul: list:
    let
      n = length list;
      from = i: if i == n then nul else op (elemAt list i) (from (i + 1));
    in
    from 0;

  /**
    The former name of `foldr`.

    Type: `fold :: (a -> b -> b) -> b -> [a] -> b`

    Example: `lib.lists.fold (x: acc: x + acc) "" [ "a" "b" ]` is `"ab"`
  */
  fold = foldr;

  /**
    Fold from the left without forcing what is between.

    Type: `foldl :: (b -> a -> b) -> b -> [a] -> b`

    Example: `foldl (acc: x: acc + x) "" [ "a" "b" ]` is `"ab"`
  */
  foldl =
    op: nul: list:
    let
      upTo = i: if i < 0 then nul else op (upTo (i - 1)) (elemAt list i);
    in
    upTo (length list - 1);

  /**
    Fold from the left, forcing each intermediate result (the first included)
    to its outermost shape.

    Type: `foldl' :: (b -> a -> b) -> b -> [a] -> b`

    Example: `foldl' (acc: x: acc + x) 0 [ 1 2 3 ]` is `6`
  */
  foldl' =
    op: acc:
    builtins.seq acc (builtins.foldl' op acc);

  /**
    `map` with indices that start at zero.

    Type: `imap0 :: (Int -> a -> b) -> [a] -> [b]`

    Example: `imap0 (i: x: "${toString i}${x}") [ "a" "b" ]` is `[ "0a" "1b" ]`
  */
  imap0 = f: list: genList (i: f i (elemAt list i)) (length list);

  /**
    `map` with indices that start at one.

    Type: `imap1 :: (Int -> a -> b) -> [a] -> [b]`

    Example: `imap1 (i: x: "${toString i}${x}") [ "a" "b" ]` is `[ "1a" "2b" ]`
  */
  imap1 = f: list: genList (i: f (i + 1) (elemAt list i)) (length list);

  /**
    `filter` by index (from zero) and element.

    Type: `ifilter0 :: (Int -> a -> Bool) -> [a] -> [a]`

    Example: `ifilter0 (i: x: i != 1) [ "a" "b" "c" ]` is `[ "a" "c" ]`
  */
  ifilter0 = pred: list: map (i: elemAt list i) (filter (i: pred i (elemAt list i)) (genList (i: i) (length list)));

  /**
    All values of a set of lists as one list.

    Type: `concatAttrValues :: { ${name} :: [a] } -> [a]`

    Example: `concatAttrValues { a = [ 1 ]; b = [ 2 ]; }` is `[ 1 2 ]`
  */
  concatAttrValues = set: concatLists (builtins.attrValues set);

  /**
    Nested lists as one flat list; a value that is no list becomes a list.

    Type: `flatten :: [a | [a | …]] -> [a]`

    Example: `flatten [ 1 [ 2 [ 3 ] 4 ] 5 ]` is `[ 1 2 3 4 5 ]`
  */
  flatten = x: if isList x then concatMap flatten x else [ x ];

  /**
    The list without elements equal to a value.

    Type: `remove :: a -> [a] -> [a]`

    Example: `remove 3 [ 1 3 4 3 ]` is `[ 1 4 ]`
  */
  remove = e: filter (x: x != e);

  /**
    The only element for which the predicate holds; one default for none,
    another for several.

    Type: `findSingle :: (a -> Bool) -> b -> b -> [a] -> (a | b)`

    Example: `findSingle (x: x == 3) "none" "many" [ 1 3 3 ]` is `"many"`
  */
  findSingle =
    pred: none: many: list:
    let
      found = filter pred list;
      n = length found;
    in
    if n == 0 then
      none
    else if n == 1 then
      head found
    else
      many;

  /**
    The index of the first element for which the predicate holds. Elements
    after it are not looked at.

    Type: `findFirstIndex :: (a -> Bool) -> b -> [a] -> (Int | b)`

    Example: `lib.lists.findFirstIndex (x: x > 3) null [ 1 6 4 ]` is `1`
  */
  findFirstIndex =
    pred: default: list:
    let
      # A strict fold, so that long lists need no stack: negative (minus one
      # minus the elements seen) while searching, the index once found.
      found = builtins.foldl' (
        at: x:
        if at >= 0 then
          at
        else if pred x then
          -1 - at
        else
          at - 1
      ) (-1) list;
    in
    if found < 0 then default else found;

  /**
    The first element for which the predicate holds.

    Type: `findFirst :: (a -> Bool) -> a -> [a] -> a`

    Example: `findFirst (x: x > 3) 7 [ 1 6 4 ]` is `6`
  */
  findFirst =
    pred: default: list:
    let
      i = findFirstIndex pred null list;
    in
    if i == null then default else elemAt list i;

  /**
    How many elements satisfy the predicate.

    Type: `count :: (a -> Bool) -> [a] -> Int`

    Example: `count (x: x == 3) [ 3 2 3 ]` is `2`
  */
  count = pred: builtins.foldl' (n: x: if pred x then n + 1 else n) 0;

  /**
    A list of the value when the condition holds, otherwise an empty one.

    Type: `optional :: Bool -> a -> [a]`

    Example: `optional true "x"` is `[ "x" ]`
  */
  optional = cond: x: if cond then [ x ] else [ ];

  /**
    The list when the condition holds, otherwise an empty one.

    Type: `optionals :: Bool -> [a] -> [a]`

    Example: `optionals false [ 1 2 ]` is `[ ]`
  */
  optionals = cond: list: if cond then list else [ ];

  /**
    A list as it is; anything else as a list of one.

    Type: `toList :: (a | [a]) -> [a]`

    Example: `toList "x"` is `[ "x" ]`
  */
  toList = x: if isList x then x else [ x ];

  /**
    The integers from the first to the second, both included.

    Type: `range :: Int -> Int -> [Int]`

    Example: `range 2 4` is `[ 2 3 4 ]`
  */
  range = from: to: if from > to then [ ] else genList (i: from + i) (to - from + 1);

  /**
    A list of so many copies.

    Type: `replicate :: Int -> a -> [a]`

    Example: `replicate 2 "a"` is `[ "a" "a" ]`
  */
  replicate = n: x: genList (_: x) n;

  /**
    Group by a key and fold every group.

    Type: `groupBy' :: (b -> a -> b) -> b -> (a -> String) -> [a] -> { ${key} :: b }`

    Example: `groupBy' builtins.add 0 (x: if x > 2 then "big" else "small") [ 1 2 3 4 ]` is `{ big = 7; small = 3; }`
  */
  groupBy' =
    op: nul: key: list:
    builtins.mapAttrs (_: foldl op nul) (groupBy key list);

  /**
    Elements by a key made from each.

    Type: `groupBy :: (a -> String) -> [a] -> { ${key} :: [a] }`

    Example: `groupBy (x: if x > 2 then "big" else "small") [ 1 5 ]` is `{ big = [ 5 ]; small = [ 1 ]; }`
  */
  groupBy = builtins.groupBy;

  /**
    Combine two lists element by element, as long as the shorter.

    Type: `zipListsWith :: (a -> b -> c) -> [a] -> [b] -> [c]`

    Example: `zipListsWith (a: b: a + b) [ "h" "l" ] [ "e" "o" "x" ]` is `[ "he" "lo" ]`
  */
  zipListsWith =
    f: xs: ys:
    genList (i: f (elemAt xs i) (elemAt ys i)) (lib.min (length xs) (length ys));

  /**
    Pairs of elements of two lists.

    Type: `zipLists :: [a] -> [b] -> [{ fst :: a; snd :: b; }]`

    Example: `zipLists [ 1 ] [ "a" ]` is `[ { fst = 1; snd = "a"; } ]`
  */
  zipLists = zipListsWith (fst: snd: { inherit fst snd; });

  /**
    The list backwards.

    Type: `reverseList :: [a] -> [a]`

    Example: `reverseList [ 1 2 3 ]` is `[ 3 2 1 ]`
  */
  reverseList =
    list:
    let
      last = length list - 1;
    in
    genList (i: elemAt list (last - i)) (last + 1);

  /**
    Depth-first search in a partial order: the elements in an order that keeps
    what comes before, or a cycle when there is one. `before a b` says that
    `a` comes before `b`.

    Type: `listDfs :: Bool -> (a -> a -> Bool) -> [a] -> { visited, minimal, rest } | { cycle, loops, visited, rest }`

    Example: `(listDfs true hasPrefix [ "/home/user" "other" "/" "/home" ]).minimal` is `"/"`
  */
  listDfs =
    stopOnCycles: before: list:
    let
      visit =
        current: visited: rest:
        let
          loops = filter (x: before x current) visited;
          split = partition (x: before x current) rest;
        in
        if stopOnCycles && loops != [ ] then
          {
            cycle = current;
            inherit loops visited rest;
          }
        else if split.right == [ ] then
          {
            minimal = current;
            inherit visited rest;
          }
        else
          visit (head split.right) ([ current ] ++ visited) (tail split.right ++ split.wrong);
    in
    visit (head list) [ ] (tail list);

  /**
    Sort by a partial order (`before a b` when `a` must come first), or show a
    cycle.

    Type: `toposort :: (a -> a -> Bool) -> [a] -> { result :: [a]; } | { cycle :: [a]; loops :: [a]; }`

    Example: `toposort (a: b: a < b) [ 3 2 1 ]` is `{ result = [ 1 2 3 ]; }`
  */
  toposort =
    before: list:
    let
      found = listDfs true before list;
      rest = toposort before (found.visited ++ found.rest);
    in
    if length list < 2 then
      { result = list; }
    else if found ? cycle then
      {
        cycle = reverseList ([ found.cycle ] ++ found.visited);
        inherit (found) loops;
      }
    else if rest ? cycle then
      rest
    else
      { result = [ found.minimal ] ++ rest.result; };

  /**
    Sort by a key made once from each element; stable.

    Type: `sortOn :: (a -> b) -> [a] -> [a]`

    Example: `sortOn builtins.stringLength [ "aa" "b" ]` is `[ "b" "aa" ]`
  */
  sortOn =
    key: list:
    map (pair: pair.x) (
      sort (a: b: a.key < b.key) (
        map (x: {
          inherit x;
          key = key x;
        }) list
      )
    );

  /**
    Order two lists by the first elements that differ; a beginning comes first.

    Type: `compareLists :: (a -> a -> Int) -> [a] -> [a] -> Int`

    Example: `compareLists lib.compare [ "a" "b" ] [ "a" ]` is `1`
  */
  compareLists =
    cmp: xs: ys:
    let
      nx = length xs;
      ny = length ys;
      from =
        i:
        if i == nx then
          (if i == ny then 0 else -1)
        else if i == ny then
          1
        else
          let
            c = cmp (elemAt xs i) (elemAt ys i);
          in
          if c == 0 then from (i + 1) else c;
    in
    from 0;

  /**
    Sort strings so that numbers within them count as numbers.

    Type: `naturalSort :: [String] -> [String]`

    Example: `naturalSort [ "disk11" "disk8" ]` is `[ "disk8" "disk11" ]`
  */
  naturalSort =
    list:
    let
      part =
        x:
        if isList x then
          {
            number = lib.toIntBase10 (head x);
          }
        else
          { text = x; };
      cmp =
        a: b:
        if a ? number && b ? number then
          lib.compare a.number b.number
        else
          lib.compare (a.text or (toString a.number)) (b.text or (toString b.number));
      keyed = map (x: {
        inherit x;
        key = map part (builtins.split "(0|[1-9][0-9]*)" x);
      }) list;
    in
    map (k: k.x) (sort (a: b: compareLists cmp a.key b.key < 0) keyed);

  /**
    At most so many elements from the front.

    Type: `take :: Int -> [a] -> [a]`

    Example: `take 2 [ "a" "b" "c" ]` is `[ "a" "b" ]`
  */
  take = n: sublist 0 n;

  /**
    At most so many elements from the back.

    Type: `takeEnd :: Int -> [a] -> [a]`

    Example: `takeEnd 2 [ "a" "b" "c" ]` is `[ "b" "c" ]`
  */
  takeEnd = n: list: if n <= 0 then [ ] else drop (lib.max 0 (length list - n)) list;

  /**
    The list without so many elements at the front.

    Type: `drop :: Int -> [a] -> [a]`

    Example: `drop 2 [ "a" "b" "c" ]` is `[ "c" ]`
  */
  drop = n: list: sublist n (length list) list;

  /**
    The list without so many elements at the back.

    Type: `dropEnd :: Int -> [a] -> [a]`

    Example: `dropEnd 2 [ "a" "b" "c" ]` is `[ "a" ]`
  */
  dropEnd = n: list: if n <= 0 then list else take (length list - n) list;

  /**
    At most `count` elements from position `start` on.

    Type: `sublist :: Int -> Int -> [a] -> [a]`

    Example: `sublist 1 3 [ "a" "b" "c" "d" "e" ]` is `[ "b" "c" "d" ]`
  */
  sublist =
    start: count: list:
    let
      left = length list - start;
      n = if count < left then count else left;
    in
    if n <= 0 then [ ] else genList (i: elemAt list (start + i)) n;

  /**
    Whether a list begins with another.

    Type: `hasPrefix :: [a] -> [a] -> Bool`

    Example: `lib.lists.hasPrefix [ 1 2 ] [ 1 2 3 ]` is `true`
  */
  hasPrefix = prefix: list: take (length prefix) list == prefix;

  /**
    The list after a beginning that it must have.

    Type: `removePrefix :: [a] -> [a] -> [a]`

    Example: `lib.lists.removePrefix [ 1 2 ] [ 1 2 3 ]` is `[ 3 ]`
  */
  removePrefix =
    prefix: list:
    if hasPrefix prefix list then
      drop (length prefix) list
    else
      throw "lib.lists.removePrefix: First argument is not a list prefix of the second argument";

  /**
    The longest list that two lists begin with.

    Type: `commonPrefix :: [a] -> [a] -> [a]`

    Example: `lib.lists.commonPrefix [ 1 2 3 ] [ 1 2 4 ]` is `[ 1 2 ]`
  */
  commonPrefix =
    xs: ys:
    let
      n = lib.min (length xs) (length ys);
      differ = findFirstIndex (i: elemAt xs i != elemAt ys i) n (genList (i: i) n);
    in
    take differ xs;

  /**
    The last element.

    Type: `last :: [a] -> a`

    Example: `last [ 1 2 3 ]` is `3`
  */
  last =
    list:
    if list == [ ] then throw "lists.last: list must not be empty!" else elemAt list (length list - 1);

  /**
    All elements but the last.

    Type: `init :: [a] -> [a]`

    Example: `init [ 1 2 3 ]` is `[ 1 2 ]`
  */
  init =
    list:
    if list == [ ] then throw "lists.init: list must not be empty!" else take (length list - 1) list;

  /**
    Apply a function to every choice of one element per list.

    Type: `crossLists :: (a -> b -> c) -> [[Any]] -> [c]`

    Example: `crossLists (x: y: "${toString x}${toString y}") [ [ 1 2 ] [ 3 4 ] ]` is `[ "13" "14" "23" "24" ]`
  */
  crossLists = f: builtins.foldl' (fs: args: concatMap (g: map g args) fs) [ f ];

  /**
    The list without repetitions, in the order of first occurrence. Takes
    quadratic time; `uniqueStrings` is faster for strings.

    Type: `unique :: [a] -> [a]`

    Example: `unique [ 3 2 3 4 ]` is `[ 3 2 4 ]`
  */
  unique = builtins.foldl' (acc: x: if elem x acc then acc else acc ++ [ x ]) [ ];

  /**
    The different strings of a list, sorted.

    Type: `uniqueStrings :: [String] -> [String]`

    Example: `uniqueStrings [ "foo" "bar" "foo" ]` is `[ "bar" "foo" ]`
  */
  uniqueStrings = list: map head (builtins.attrValues (builtins.groupBy (x: x) list));

  /**
    Whether no two elements are equal.

    Type: `allUnique :: [a] -> Bool`

    Example: `allUnique [ 3 2 3 ]` is `false`
  */
  allUnique = list: length (unique list) == length list;

  /**
    The elements of the second list that are in the first.

    Type: `intersectLists :: [a] -> [a] -> [a]`

    Example: `intersectLists [ 1 2 3 ] [ 6 3 2 ]` is `[ 3 2 ]`
  */
  intersectLists = e: filter (x: elem x e);

  /**
    The elements of the second list that are not in the first.

    Type: `subtractLists :: [a] -> [a] -> [a]`

    Example: `subtractLists [ 3 2 ] [ 1 2 3 4 ]` is `[ 1 4 ]`
  */
  subtractLists = e: filter (x: !elem x e);

  /**
    Whether two lists have no element in common.

    Type: `mutuallyExclusive :: [a] -> [a] -> Bool`

    Example: `mutuallyExclusive [ 1 ] [ 2 ]` is `true`
  */
  mutuallyExclusive = xs: ys: !any (x: elem x ys) xs;

  /**
    The list with the element at an index replaced.

    Type: `replaceElemAt :: [a] -> Int -> a -> [a]`

    Example: `replaceElemAt [ "a" "b" ] 1 "x"` is `[ "a" "x" ]`
  */
  replaceElemAt =
    list: at: new:
    if at < 0 || at >= length list then
      throw "'lists.replaceElemAt' called with index ${toString at} on a list of size ${toString (length list)}"
    else
      genList (i: if i == at then new else elemAt list i) (length list);
}

/**
 * Genuine inputs of the vectors made hostile in their structure: a field anywhere, also within objects within objects, becomes
 * another value, vanishes, comes twice or changes places, and everything around it is encoded as it should be. Random
 * bytes end in the decoder; these get as far as the rules.
 */
import { decode } from 'cborg';
import { encodeCbor, type CborValue } from '../src/cbor.ts';
import { concatBytes, fromHex, toHex } from '../src/bytes.ts';
import type { Json, JsonObject } from '../scripts/vector.ts';

/** Encoded CBOR as a tree: a byte string that holds an array is a node as well; the empty map of a header is kept. */
type Tree =
  | { readonly is: 'leaf'; readonly value: CborValue }
  | { readonly is: 'map' }
  | { readonly is: 'list'; readonly items: readonly Tree[] }
  | { readonly is: 'embedded'; readonly inner: Tree };

function treeOf(value: unknown): Tree {
  if (Array.isArray(value)) return { is: 'list', items: value.map(treeOf) };
  if (value instanceof Map) return { is: 'map' };
  if (value instanceof Uint8Array) {
    const inner = tryDecode(value);
    return Array.isArray(inner) ? { is: 'embedded', inner: treeOf(inner) } : { is: 'leaf', value };
  }
  return { is: 'leaf', value: value as CborValue };
}

function tryDecode(bytes: Uint8Array): unknown {
  try {
    return decode(bytes, { useMaps: true });
  } catch {
    return null;
  }
}

function bytesOf(tree: Tree): Uint8Array {
  switch (tree.is) {
    case 'leaf':
      return encodeCbor(tree.value);
    case 'map':
      return Uint8Array.of(0xa0);
    case 'embedded':
      return encodeCbor(bytesOf(tree.inner));
    case 'list': {
      // The head of an array alone: what `encodeCbor` writes for as many nulls, without them.
      const { length } = tree.items;
      const nulls = encodeCbor(Array.from({ length }, () => null));
      return concatBytes(nulls.subarray(0, nulls.length - length), ...tree.items.map(bytesOf));
    }
  }
}

const sizeOf = (tree: Tree): number => {
  if (tree.is === 'list') return 1 + tree.items.reduce((sum, item) => sum + sizeOf(item), 0);
  return tree.is === 'embedded' ? 1 + sizeOf(tree.inner) : 1;
};

type Change = (tree: Tree) => Tree;

/** The tree with its node number `place`, counted from the root, changed. */
function changedAt(tree: Tree, place: number, change: Change): Tree {
  if (place === 0) return change(tree);
  if (tree.is === 'embedded') return { is: 'embedded', inner: changedAt(tree.inner, place - 1, change) };
  if (tree.is !== 'list') return tree;
  let before = 1;
  return {
    is: 'list',
    items: tree.items.map((item) => {
      const size = sizeOf(item);
      const isInside = place >= before && place < before + size;
      const result = isInside ? changedAt(item, place - before, change) : item;
      before += size;
      return result;
    }),
  };
}

/** Values at which readers stumble: ends of ranges, other types, odd lengths. */
const ODD: readonly CborValue[] = [
  0,
  1,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  2n ** 53n,
  2n ** 64n - 1n,
  -1,
  10 ** 15,
  10 ** 15 + 1,
  '',
  'SGD',
  'x'.repeat(100),
  '\u0000',
  '\uFEFFa',
  null,
  true,
  false,
  new Uint8Array(0),
  new Uint8Array(16),
  new Uint8Array(32),
  new Uint8Array(33),
  new Uint8Array(64),
  [],
  [[]],
  [0],
  [[[[[[[[[0]]]]]]]]],
];

/** @param how any number: picks what happens to the node. */
function changeOf(how: number): Change {
  return (tree) => {
    const odd = ODD[how % ODD.length] ?? 0;
    switch (Math.floor(how / ODD.length) % 6) {
      case 0:
      case 1:
        return treeOf(odd);
      case 2:
        return tree.is === 'list' ? { is: 'list', items: tree.items.slice(0, -1) } : treeOf(odd);
      case 3:
        return tree.is === 'list'
          ? { is: 'list', items: [...tree.items, ...tree.items.slice(0, 1)] }
          : { is: 'list', items: [tree, tree] };
      case 4:
        return tree.is === 'list' ? { is: 'list', items: tree.items.toReversed() } : near(tree, how);
      default:
        return near(tree, how);
    }
  };
}

/** A number one beside, a text or a byte string a little other: still in its bounds more often than not. */
function near(tree: Tree, how: number): Tree {
  if (tree.is !== 'leaf') return tree;
  const { value } = tree;
  if (typeof value === 'number')
    return { is: 'leaf', value: how % 2 === 0 ? value + 1 : Math.max(0, value - 1) };
  if (typeof value === 'string') return { is: 'leaf', value: `${value}${how % 10}` };
  if (!(value instanceof Uint8Array)) return { is: 'leaf', value: null };
  return {
    is: 'leaf',
    value: value.map((byte, i) => (i === how % value.length ? byte ^ (1 << (how % 8)) : byte)),
  };
}

export interface Hit {
  /** Which of the inputs, which node of it, and what happens there: any numbers. */
  readonly input: number;
  readonly place: number;
  readonly how: number;
}

/** The input of a vector with one of its encoded objects changed; null when it has none. */
export function hostile(given: JsonObject, { input, place, how }: Hit): JsonObject | null {
  const encoded = treesOf(given);
  const chosen = encoded[input % Math.max(1, encoded.length)];
  if (chosen === undefined) return null;
  const [name, tree] = chosen;
  const changed = changedAt(tree, place % sizeOf(tree), changeOf(how));
  return { ...given, [name]: toHex(bytesOf(changed)) };
}

type Trees = readonly (readonly [name: string, tree: Tree])[];
const known = new WeakMap<JsonObject, Trees>();

function treesOf(given: JsonObject): Trees {
  const before = known.get(given);
  if (before !== undefined) return before;
  const trees = Object.entries(given).flatMap(([name, value]) => {
    const bytes = encodedIn(value);
    const tree = bytes === null ? null : tryDecode(bytes);
    return Array.isArray(tree) ? [[name, treeOf(tree)] as const] : [];
  });
  known.set(given, trees);
  return trees;
}

function encodedIn(value: Json): Uint8Array | null {
  return typeof value === 'string' && value.length >= 8 && /^(?:[0-9a-f]{2})+$/.test(value)
    ? fromHex(value)
    : null;
}

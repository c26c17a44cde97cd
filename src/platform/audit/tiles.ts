/**
 * C2SP tlog-tiles: the addresses of tiles and entry bundles, their bytes, and reading nodes out of tiles.
 * Guarantees: a full tile never changes; a partial tile is named with its width and is never hashed upward.
 * @source https://c2sp.org/tlog-tiles
 */
import { assert, present } from '../../kernel/assert.ts';
import { HASH_BYTES, type Hash, type HashReader, type NodeId, nodeHash } from './merkle.ts';

export const TILE_HEIGHT = 8;
export const TILE_WIDTH = 256;
export const MAX_ENTRY_BYTES = 65_535;
const MAX_TILE_LEVEL = 63;

/** A tile: its level (in steps of eight tree levels), its index there, and how many hashes it holds. */
export type TileId = { readonly level: number; readonly index: number; readonly width: number };

/** A tile or an entry bundle, as a path names it. */
export type TileResource = {
  readonly level: number | 'entries';
  readonly index: number;
  readonly width: number;
};

/** Gives the bytes of a tile: at least `width` hashes, or undefined when it is not at hand. */
export type TileLoader = (tile: TileId) => Uint8Array | undefined;

/** The path of a tile or entry bundle, from `/tile/` on; a partial one ends in `.p/<width>`. */
export function tilePath(resource: TileResource): string {
  const { level, index, width } = resource;
  assert(width >= 1 && width <= TILE_WIDTH, 'a tile holds 1 to 256 hashes');
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0');
  const groups = digits.match(/\d{3}/g) ?? [];
  const last = groups.length - 1;
  const path = groups.map((group, at) => (at === last ? group : `x${group}`)).join('/');
  return `/tile/${level}/${path}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** Reads a tile path strictly; undefined for any other spelling. */
export function parseTilePath(path: string): TileResource | undefined {
  const match = /^\/tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path);
  if (match === null) {
    return undefined;
  }
  const [, levelText = '', indexText = '', widthText] = match;
  const level = levelText === 'entries' ? 'entries' : Number.parseInt(levelText, 10);
  const index = Number.parseInt(indexText.replaceAll(/[x/]/g, ''), 10);
  const width = widthText === undefined ? TILE_WIDTH : Number.parseInt(widthText, 10);
  const levelFits = level === 'entries' || level <= MAX_TILE_LEVEL;
  if (!levelFits || !Number.isSafeInteger(index) || width > TILE_WIDTH) {
    return undefined;
  }
  const resource: TileResource = { level, index, width };
  // One address per tile: leading zero groups and `.p/256` would be second names.
  return tilePath(resource) === path ? resource : undefined;
}

/**
 * How many hashes tile `index` at `level` holds in a tree of `size` leaves.
 * @units hashes, 0 when the tile does not exist
 */
export function tileWidth(level: number, index: number, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level);
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/**
 * The tiles a tree gains, or gains wider, when it grows from `oldSize` to `size`, lowest level first.
 */
export function newTiles(oldSize: number, size: number): TileId[] {
  const tiles: TileId[] = [];
  for (let level = 0; Math.floor(size / TILE_WIDTH ** level) > 0; level += 1) {
    const before = Math.floor(oldSize / TILE_WIDTH ** level);
    const after = Math.floor(size / TILE_WIDTH ** level);
    for (let index = Math.floor(before / TILE_WIDTH); index * TILE_WIDTH < after; index += 1) {
      const width = tileWidth(level, index, size);
      if (width > Math.max(0, before - index * TILE_WIDTH)) {
        tiles.push({ level, index, width });
      }
    }
  }
  return tiles;
}

/** The tiles that hold these nodes of a tree of `size` leaves, each once. */
export function tilesForNodes(nodes: readonly NodeId[], size: number): TileId[] {
  const tiles = new Map<string, TileId>();
  for (const node of nodes) {
    const place = placeInTile(node.level, node.index);
    const width = tileWidth(place.level, place.tile, size);
    assert(place.end <= width, 'a node of the tree is complete');
    tiles.set(`${place.level}/${place.tile}`, { level: place.level, index: place.tile, width });
  }
  return [...tiles.values()];
}

/**
 * Reads nodes of a tree of `size` leaves out of its tiles, hashing up the levels a tile does not spell out.
 * @errors the reader throws AssertionError for a node whose tile is not at hand or too narrow
 */
export function tileHashReader(size: number, load: TileLoader): HashReader {
  return (level, index) => {
    const place = placeInTile(level, index);
    const width = tileWidth(place.level, place.tile, size);
    const bytes = load({ level: place.level, index: place.tile, width });
    assert(bytes !== undefined && bytes.length >= place.end * HASH_BYTES, 'the tile of the node is stored');
    let hashes = splitHashes(bytes.subarray(place.begin * HASH_BYTES, place.end * HASH_BYTES));
    while (hashes.length > 1) {
      hashes = pairUp(hashes);
    }
    return present(hashes[0], 'a tile holds hashes');
  };
}

/** Joins the hashes of a tile to its bytes. */
export function joinHashes(hashes: readonly Hash[]): Uint8Array {
  const bytes = new Uint8Array(hashes.length * HASH_BYTES);
  for (const [at, hash] of hashes.entries()) {
    bytes.set(hash, at * HASH_BYTES);
  }
  return bytes;
}

/** Splits the bytes of a tile into its hashes. */
export function splitHashes(bytes: Uint8Array): Hash[] {
  assert(bytes.length % HASH_BYTES === 0, 'a tile is a whole number of hashes');
  const hashes: Hash[] = [];
  for (let at = 0; at < bytes.length; at += HASH_BYTES) {
    hashes.push(bytes.slice(at, at + HASH_BYTES));
  }
  return hashes;
}

/** The bytes of an entry bundle: each entry after its big-endian uint16 length. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  assert(entries.length >= 1 && entries.length <= TILE_WIDTH, 'a bundle holds 1 to 256 entries');
  const bytes = new Uint8Array(entries.reduce((total, entry) => total + 2 + entry.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const entry of entries) {
    assert(entry.length <= MAX_ENTRY_BYTES, 'a log entry has at most 65,535 bytes');
    view.setUint16(at, entry.length);
    bytes.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bytes;
}

/** Splits an entry bundle; undefined when it is cut off or holds more than 256 entries. */
export function decodeEntryBundle(bytes: Uint8Array): Uint8Array[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const begin = at + 2;
    const end = begin <= bytes.length ? begin + view.getUint16(at) : Number.POSITIVE_INFINITY;
    if (end > bytes.length || entries.length === TILE_WIDTH) {
      return undefined;
    }
    entries.push(bytes.slice(begin, end));
    at = end;
  }
  return entries;
}

function placeInTile(
  level: number,
  index: number,
): { level: number; tile: number; begin: number; end: number } {
  const span = 2 ** (level % TILE_HEIGHT);
  const first = index * span;
  const tile = Math.floor(first / TILE_WIDTH);
  const begin = first - tile * TILE_WIDTH;
  return { level: Math.floor(level / TILE_HEIGHT), tile, begin, end: begin + span };
}

function pairUp(hashes: readonly Hash[]): Hash[] {
  const parents: Hash[] = [];
  for (let at = 0; at + 1 < hashes.length; at += 2) {
    parents.push(nodeHash(present(hashes[at], 'left child'), present(hashes[at + 1], 'right child')));
  }
  return parents;
}

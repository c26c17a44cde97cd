import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { present } from '../../kernel/assert.ts';
import {
  appendLeaf,
  consistencyNodes,
  consistencyProof,
  frontierOf,
  type Hash,
  inclusionNodes,
  inclusionProof,
  leafHash,
  treeRoot,
} from './merkle.ts';
import {
  decodeEntryBundle,
  encodeEntryBundle,
  joinHashes,
  newTiles,
  parseTilePath,
  splitHashes,
  type TileId,
  tileHashReader,
  tilePath,
  tilesForNodes,
  tileWidth,
} from './tiles.ts';

describe('tile paths', () => {
  test('the index is written in groups of three, as the specification says', () => {
    expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe('/tile/0/x001/x234/067');
    expect(tilePath({ level: 1, index: 0, width: 17 })).toBe('/tile/1/000.p/17');
    expect(tilePath({ level: 'entries', index: 999, width: 256 })).toBe('/tile/entries/999');
    expect(tilePath({ level: 'entries', index: 1000, width: 1 })).toBe('/tile/entries/x001/000.p/1');
  });

  test('every path is read back to the tile it names', () => {
    const level = fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant('entries' as const));
    const tile = fc.record({
      level,
      index: fc.integer({ min: 0, max: 2 ** 45 }),
      width: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(fc.property(tile, (id) => expect(parseTilePath(tilePath(id))).toEqual(id)));
  });

  test('a second spelling of a tile is no address', () => {
    const spellings = [
      '/tile/0/0',
      '/tile/0/1234067',
      '/tile/00/000',
      '/tile/64/000',
      '/tile/-1/000',
      '/tile/0/x000/000',
      '/tile/0/001/x234',
      '/tile/0/000.p/0',
      '/tile/0/000.p/256',
      '/tile/0/000.p/01',
      '/tile/0/000.p/300',
      '/tile/0/000/',
      '/tile/0/000?x',
      '/tile/data/000',
      '/tile/0/x999/x999/x999/x999/x999/x999/999',
      '/tile/0/../000',
    ];
    expect(spellings.filter((path) => parseTilePath(path) !== undefined)).toEqual([]);
  });
});

describe('tiles of a tree', () => {
  test('a tree of 70,000 has the tiles the specification counts', () => {
    const tiles = newTiles(0, 70_000);
    const at = (level: number): TileId[] => tiles.filter((tile) => tile.level === level);
    expect(at(0)).toHaveLength(274);
    expect(at(0).at(-1)).toEqual({ level: 0, index: 273, width: 112 });
    expect(at(1)).toEqual([
      { level: 1, index: 0, width: 256 },
      { level: 1, index: 1, width: 17 },
    ]);
    expect(at(2)).toEqual([{ level: 2, index: 0, width: 1 }]);
  });

  test('a tree of 256 has one full tile and a partial one above it', () => {
    expect(newTiles(255, 256)).toEqual([
      { level: 0, index: 0, width: 256 },
      { level: 1, index: 0, width: 1 },
    ]);
    expect(newTiles(256, 256)).toEqual([]);
  });

  test('growing step by step writes the same last width of each tile as growing at once', () => {
    const stepwise = new Map<string, number>();
    for (const [from, to] of [
      [0, 3],
      [3, 256],
      [256, 300],
      [300, 1000],
    ] as const) {
      for (const tile of newTiles(from, to)) {
        stepwise.set(`${tile.level}/${tile.index}`, tile.width);
      }
    }
    const once = new Map(newTiles(0, 1000).map((tile) => [`${tile.level}/${tile.index}`, tile.width]));
    expect(stepwise).toEqual(once);
    expect(tileWidth(0, 4, 1000)).toBe(0);
  });

  test('proofs read from tiles equal proofs read from stored nodes', () => {
    const size = 70_000;
    const nodes = new Map<string, Hash>();
    const frontier = frontierOf(0);
    for (let at = 0; at < size; at += 1) {
      const leaf = leafHash(new Uint8Array([at % 256, at >> 8, at >> 16]));
      appendLeaf(frontier, leaf, (level, index, hash) => nodes.set(`${level}/${index}`, hash));
    }
    const stored = (level: number, index: number): Hash => present(nodes.get(`${level}/${index}`), 'stored');
    const load = (tile: TileId): Uint8Array =>
      joinHashes(
        Array.from({ length: tile.width }, (_, at) => stored(tile.level * 8, tile.index * 256 + at)),
      );
    const read = tileHashReader(size, load);
    expect(treeRoot(size, read)).toEqual(treeRoot(size, stored));
    const positions = fc.integer({ min: 0, max: size - 1 });
    fc.assert(
      fc.property(positions, (at) => {
        expect(inclusionProof(at, size, read)).toEqual(inclusionProof(at, size, stored));
        expect(consistencyProof(at, size, read)).toEqual(consistencyProof(at, size, stored));
        const wanted = tilesForNodes([...inclusionNodes(at, size), ...consistencyNodes(at, size)], size);
        const fetched = new Map(wanted.map((tile) => [`${tile.level}/${tile.index}`, load(tile)]));
        const prefetched = tileHashReader(size, (tile) => fetched.get(`${tile.level}/${tile.index}`));
        expect(inclusionProof(at, size, prefetched)).toEqual(inclusionProof(at, size, stored));
        expect(consistencyProof(at, size, prefetched)).toEqual(consistencyProof(at, size, stored));
      }),
      { numRuns: 40 },
    );
  });

  test('a tile that is not at hand or too narrow is not read', () => {
    expect(() => tileHashReader(300, () => undefined)(0, 0)).toThrow();
    expect(() => tileHashReader(300, () => new Uint8Array(32))(0, 1)).toThrow();
    expect(() => splitHashes(new Uint8Array(33))).toThrow();
  });
});

describe('entry bundles', () => {
  test('each entry follows its big-endian length', () => {
    const bytes = encodeEntryBundle([new Uint8Array([1, 2, 3]), new Uint8Array(), new Uint8Array(258)]);
    expect([...bytes.subarray(0, 9)]).toEqual([0, 3, 1, 2, 3, 0, 0, 1, 2]);
    expect(decodeEntryBundle(bytes)?.map((entry) => entry.length)).toEqual([3, 0, 258]);
  });

  test('a bundle that is cut off anywhere within an entry is refused', () => {
    const bytes = encodeEntryBundle([new Uint8Array([1, 2, 3]), new Uint8Array([4])]);
    for (const cut of [1, 2, 3, 4, 6, 7]) {
      expect(decodeEntryBundle(bytes.subarray(0, cut))).toBeUndefined();
    }
    expect(decodeEntryBundle(bytes.subarray(0, 5))).toHaveLength(1);
  });

  test('an entry over 65,535 bytes and a bundle of 257 are refused', () => {
    expect(() => encodeEntryBundle([new Uint8Array(65_536)])).toThrow();
    expect(encodeEntryBundle([new Uint8Array(65_535)])).toHaveLength(65_537);
    expect(() => encodeEntryBundle(Array.from({ length: 257 }, () => new Uint8Array()))).toThrow();
    expect(decodeEntryBundle(new Uint8Array(257 * 2))).toBeUndefined();
  });
});

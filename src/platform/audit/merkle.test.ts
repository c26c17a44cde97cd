import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { fromBase64 } from './base64.ts';
import {
  appendLeaf,
  appendSubtree,
  consistencyNodes,
  consistencyProof,
  EMPTY_ROOT,
  frontierOf,
  frontierRoot,
  type Hash,
  type HashReader,
  inclusionNodes,
  inclusionProof,
  leafHash,
  nodeHash,
  rangeNodes,
  rootOfLeaves,
  subtreeProof,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts';
import { ARGON, CT_CONSISTENCY, CT_INCLUSION, CT_LEAVES, CT_ROOTS } from './published-vectors.ts';

const hex = (text: string): Hash => new Uint8Array(Buffer.from(text, 'hex'));
const b64 = (text: string): Hash => fromBase64(text) ?? new Uint8Array();
const flipped = (hash: Hash): Hash => hash.map((byte, at) => (at === 0 ? byte ^ 8 : byte));

/** RFC 6962 section 2.1 word for word, as the oracle. */
function naiveRoot(leaves: readonly Hash[]): Hash {
  const [only] = leaves;
  if (only === undefined) {
    return EMPTY_ROOT;
  }
  if (leaves.length === 1) {
    return only;
  }
  let split = 1;
  while (split * 2 < leaves.length) {
    split *= 2;
  }
  return nodeHash(naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)));
}

function treeOf(leaves: readonly Hash[]): { read: HashReader; roots: Hash[] } {
  const nodes = new Map<string, Hash>();
  const frontier = frontierOf(0);
  const roots = [frontierRoot(frontier)];
  for (const leaf of leaves) {
    appendLeaf(frontier, leaf, (level, index, hash) => {
      if (nodes.has(`${level}/${index}`)) {
        throw new Error('a node came to be twice');
      }
      nodes.set(`${level}/${index}`, hash);
    });
    roots.push(frontierRoot(frontier));
  }
  const read: HashReader = (level, index) => {
    const hash = nodes.get(`${level}/${index}`);
    if (hash === undefined) {
      throw new Error(`node ${level}/${index} is not complete`);
    }
    return hash;
  };
  return { read, roots };
}

/** A tree whose leaves are all alike, of any size, without storing it. */
function uniformReader(): HashReader {
  const levels = [leafHash(new Uint8Array([1]))];
  return (level) => {
    for (let at = levels.length; at <= level; at += 1) {
      const below = levels[at - 1] as Hash;
      levels.push(nodeHash(below, below));
    }
    return levels[level] as Hash;
  };
}

const LEAVES = CT_LEAVES.map((leaf) => leafHash(hex(leaf)));
const MANY = Array.from({ length: 70 }, (_, at) => leafHash(new Uint8Array([at])));

describe('published vectors', () => {
  const { read, roots } = treeOf(LEAVES);

  test('the root of no leaves is the hash of nothing', () => {
    expect(Buffer.from(EMPTY_ROOT).toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
  });

  test('the roots of the first 1 to 8 reference leaves are the published ones', () => {
    expect(roots.slice(1).map((root) => Buffer.from(root).toString('hex'))).toEqual(CT_ROOTS);
    expect(CT_ROOTS.map((_, at) => treeRoot(at + 1, read))).toEqual(roots.slice(1));
  });

  test('inclusion proofs of the reference tree are the published ones and verify', () => {
    for (const [index, size, path] of CT_INCLUSION) {
      const proof = inclusionProof(index, size, read);
      expect(proof).toEqual(path.map(hex));
      expect(verifyInclusion(index, size, LEAVES[index] as Hash, proof, roots[size] as Hash)).toBe(true);
    }
  });

  test('consistency proofs of the reference tree are the published ones and verify', () => {
    for (const [oldSize, size, path] of CT_CONSISTENCY) {
      const proof = consistencyProof(oldSize, size, read);
      expect(proof).toEqual(path.map(hex));
      expect(verifyConsistency(oldSize, size, roots[oldSize] as Hash, roots[size] as Hash, proof)).toBe(true);
    }
  });

  test('proofs of a real log with 961,984,013 leaves verify, and not for a neighbour', () => {
    const leaf = leafHash(b64(ARGON.leafInput));
    const path = ARGON.path.map(b64);
    const root = b64(ARGON.root);
    expect(verifyInclusion(ARGON.leafIndex, ARGON.size, leaf, path, root)).toBe(true);
    expect(verifyInclusion(ARGON.leafIndex + 1, ARGON.size, leaf, path, root)).toBe(false);
    const proof = ARGON.consistency.map(b64);
    expect(verifyConsistency(ARGON.oldSize, ARGON.size, b64(ARGON.oldRoot), root, proof)).toBe(true);
    expect(verifyConsistency(ARGON.oldSize - 1, ARGON.size, b64(ARGON.oldRoot), root, proof)).toBe(false);
  });
});

describe('every tree up to 70 leaves', () => {
  const { read, roots } = treeOf(MANY);

  test('has the root that the definition gives', () => {
    for (let size = 0; size <= MANY.length; size += 1) {
      expect(roots[size]).toEqual(naiveRoot(MANY.slice(0, size)));
      expect(treeRoot(size, read)).toEqual(roots[size] as Hash);
      expect(rootOfLeaves(MANY.slice(0, size))).toEqual(roots[size] as Hash);
    }
  });

  test('proves every leaf, and refuses another leaf, place, root or path', () => {
    for (let size = 1; size <= MANY.length; size += 1) {
      const root = roots[size] as Hash;
      for (let index = 0; index < size; index += 1) {
        const leaf = MANY[index] as Hash;
        const proof = inclusionProof(index, size, read);
        expect(verifyInclusion(index, size, leaf, proof, root)).toBe(true);
        expect(verifyInclusion(index, size, flipped(leaf), proof, root)).toBe(false);
        expect(verifyInclusion(index, size, leaf, proof, flipped(root))).toBe(false);
        expect(verifyInclusion(index, size, leaf, [...proof, root], root)).toBe(false);
        expect(verifyInclusion(index, size, leaf, [root, ...proof], root)).toBe(false);
        expect(verifyInclusion(index + 1, size, leaf, proof, root)).toBe(false);
        expect(verifyInclusion(index - 1, size, leaf, proof, root)).toBe(false);
        if (proof.length > 0) {
          expect(verifyInclusion(index, size, leaf, proof.slice(1), root)).toBe(false);
          expect(verifyInclusion(index, size, leaf, proof.slice(0, -1), root)).toBe(false);
        }
      }
    }
  });

  test('is proven consistent with every smaller one, and with no other', () => {
    for (let size = 0; size <= MANY.length; size += 1) {
      const root = roots[size] as Hash;
      for (let old = 0; old <= size; old += 1) {
        const oldRoot = roots[old] as Hash;
        const proof = consistencyProof(old, size, read);
        expect(verifyConsistency(old, size, oldRoot, root, proof)).toBe(true);
        expect(verifyConsistency(old, size, flipped(oldRoot), root, proof)).toBe(false);
        expect(verifyConsistency(old, size, oldRoot, root, [...proof, root])).toBe(false);
        expect(verifyConsistency(old, size, oldRoot, root, [root, ...proof])).toBe(false);
        if (old > 0) {
          expect(verifyConsistency(old, size, oldRoot, flipped(root), proof)).toBe(false);
        }
        if (old > 0 && old < size) {
          expect(verifyConsistency(size, old, root, oldRoot, proof)).toBe(false);
          expect(verifyConsistency(old, size, oldRoot, root, proof.slice(0, -1))).toBe(false);
          for (let at = 0; at < proof.length; at += 1) {
            const altered = proof.map((hash, place) => (place === at ? flipped(hash) : hash));
            expect(verifyConsistency(old, size, oldRoot, root, altered)).toBe(false);
          }
        }
      }
    }
  });

  test('names beforehand exactly the nodes a proof reads', () => {
    for (const size of [1, 7, 8, 33, 70]) {
      for (let at = 0; at < size; at += 1) {
        const asked: string[] = [];
        const noting: HashReader = (level, index) => {
          asked.push(`${level}/${index}`);
          return read(level, index);
        };
        inclusionProof(at, size, noting);
        consistencyProof(at, size, noting);
        const named = [...inclusionNodes(at, size), ...consistencyNodes(at, size)];
        expect(asked).toEqual(named.map((node) => `${node.level}/${node.index}`));
      }
    }
  });

  test('is rebuilt from the frontier at any size, and continues to the same roots', () => {
    for (let size = 0; size <= MANY.length; size += 1) {
      const stored = rangeNodes(0, size).map((node) => read(node.level, node.index));
      const frontier = frontierOf(size, stored);
      for (const leaf of MANY.slice(size)) {
        appendLeaf(frontier, leaf);
      }
      expect(frontierRoot(frontier)).toEqual(roots[MANY.length] as Hash);
    }
  });

  test('folds to its root from the subtrees of any two ranges beside each other', () => {
    for (let size = 1; size <= MANY.length; size += 1) {
      for (let split = 0; split <= size; split += 1) {
        const left = rangeNodes(0, split).map((node) => read(node.level, node.index));
        const frontier = frontierOf(split, left);
        for (const node of rangeNodes(split, size)) {
          appendSubtree(frontier, node.level, read(node.level, node.index));
        }
        expect(frontierRoot(frontier)).toEqual(roots[size] as Hash);
      }
    }
  });

  test('proves an aligned block as a leaf of the tree of blocks, the last one too', () => {
    const width = 8;
    for (let size = 1; size <= MANY.length; size += 1) {
      const blocks = Math.ceil(size / width);
      for (let block = 0; block < blocks; block += 1) {
        const target = { begin: block * width, end: Math.min((block + 1) * width, size) };
        const proof = subtreeProof(target, size, read);
        const blockRoot = rootOfLeaves(MANY.slice(target.begin, target.end));
        expect(verifyInclusion(block, blocks, blockRoot, proof, roots[size] as Hash)).toBe(true);
      }
    }
  });
});

describe('bounds', () => {
  test('sizes and indexes beyond 32 bits prove and verify', () => {
    const read = uniformReader();
    const sizes = fc.integer({ min: 2 ** 31, max: 2 ** 52 });
    fc.assert(
      fc.property(sizes, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (size, share) => {
        const index = Math.floor(size * share);
        const root = treeRoot(size, read);
        const proof = inclusionProof(index, size, read);
        const older = consistencyProof(index, size, read);
        return (
          verifyInclusion(index, size, read(0, index), proof, root) &&
          verifyConsistency(index, size, treeRoot(index, read), root, older)
        );
      }),
      { numRuns: 200 },
    );
  });

  test('nonsense is refused, not thrown, by the verifiers', () => {
    const hash = LEAVES[0] as Hash;
    const short = new Uint8Array(31);
    for (const [index, size] of [
      [0, 0],
      [1, 1],
      [-1, 2],
      [0.5, 2],
      [0, Number.NaN],
      [2 ** 53, 2 ** 53 + 2],
    ]) {
      expect(verifyInclusion(index as number, size as number, hash, [], hash)).toBe(false);
    }
    expect(verifyInclusion(0, 1, short, [], short)).toBe(false);
    expect(verifyInclusion(0, 2, hash, [short], hash)).toBe(false);
    expect(verifyConsistency(1, 2, hash, hash, [])).toBe(false);
    expect(verifyConsistency(3, 4, hash, hash, [short])).toBe(false);
    expect(verifyConsistency(0, 1, hash, hash, [])).toBe(false);
    expect(verifyConsistency(0, 1, EMPTY_ROOT, hash, [])).toBe(true);
    expect(verifyConsistency(-1, 1, hash, hash, [])).toBe(false);
  });

  test('a proof outside the tree is a programmer error', () => {
    const read = uniformReader();
    expect(() => inclusionProof(3, 3, read)).toThrow();
    expect(() => consistencyProof(4, 3, read)).toThrow();
    expect(() => subtreeProof({ begin: 1, end: 3 }, 4, read)).toThrow();
    expect(() => frontierOf(3, [])).toThrow();
    expect(() => appendSubtree(frontierOf(1, [LEAVES[0] as Hash]), 1, LEAVES[1] as Hash)).toThrow();
  });
});

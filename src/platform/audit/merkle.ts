/**
 * The RFC 6962 Merkle tree: hashing, the frontier a sealer keeps, proofs and their verification.
 * Guarantees: pure; proofs are computed from complete nodes only, which never change once written, so they
 * can be served from stored nodes or tiles. Sizes and indexes are safe integers, not limited to 32 bits.
 * Does not guarantee that a root is genuine: that is what a signed checkpoint is for.
 */
import { timingSafeEqual } from 'node:crypto';
import { assert, present } from '../../kernel/assert.ts';

export const HASH_BYTES = 32;

/** A SHA-256 digest. */
export type Hash = Uint8Array;

/** A complete node: the subtree over leaves `[index · 2^level, (index + 1) · 2^level)`. */
export type NodeId = { readonly level: number; readonly index: number };

/** Gives the hash of a complete node; throws when it is not stored. */
export type HashReader = (level: number, index: number) => Hash;

/** Told of every complete node as it comes to be, so that a sealer can store it. */
export type NodeListener = (level: number, index: number, hash: Hash) => void;

/** Leaves `[begin, end)`. */
export type LeafRange = { readonly begin: number; readonly end: number };

/** The right edge of a growing tree: its size and the complete subtrees it is made of, widest first. */
export type Frontier = { size: number; readonly hashes: Hash[] };

/** The digest everything here is made of. @shape 32 bytes */
export function sha256(bytes: Uint8Array | string): Hash {
  const digest = new Uint8Array(HASH_BYTES);
  Bun.SHA256.hash(bytes, digest);
  return digest;
}

/** The root of the tree without leaves. */
export const EMPTY_ROOT: Hash = sha256('');

/**
 * The hash of one log entry.
 * @source RFC 6962 section 2.1
 */
export function leafHash(entry: Uint8Array): Hash {
  if (entry.length === HASH_BYTES) {
    prefixedEntry.set(entry, 1);
    return sha256(prefixedEntry);
  }
  const prefixed = new Uint8Array(1 + entry.length);
  prefixed.set(entry, 1);
  return sha256(prefixed);
}

/**
 * The hash of an inner node.
 * @source RFC 6962 section 2.1
 */
export function nodeHash(left: Hash, right: Hash): Hash {
  prefixedNodes.set(left, 1);
  prefixedNodes.set(right, 1 + HASH_BYTES);
  return sha256(prefixedNodes);
}

/** Kept for all: what is hashed by the million need not be allocated by the million. */
const prefixedEntry = new Uint8Array(1 + HASH_BYTES);
const prefixedNodes = new Uint8Array(1 + 2 * HASH_BYTES);
prefixedNodes[0] = 1;

/** Compares two hashes in constant time; false when a length is wrong. */
export function sameHash(one: Hash, other: Hash): boolean {
  return one.length === HASH_BYTES && other.length === HASH_BYTES && timingSafeEqual(one, other);
}

/**
 * The fewest complete nodes that cover the leaves `[begin, end)`, from left to right.
 * @source compact ranges of transparency-dev/merkle
 */
export function rangeNodes(begin: number, end: number): NodeId[] {
  assertSize(begin);
  assertSize(end);
  const nodes: NodeId[] = [];
  for (let position = begin; position < end; ) {
    let level = 0;
    let width = 1;
    while (position % (2 * width) === 0 && position + 2 * width <= end) {
      level += 1;
      width *= 2;
    }
    nodes.push({ level, index: position / width });
    position += width;
  }
  return nodes;
}

/** A frontier for a tree of `size` leaves from its stored subtree hashes, which `rangeNodes(0, size)` names. */
export function frontierOf(size: number, hashes: readonly Hash[] = []): Frontier {
  assert(rangeNodes(0, size).length === hashes.length, 'a frontier has one hash per bit set in its size');
  return { size, hashes: [...hashes] };
}

/**
 * Grows a frontier by one leaf.
 * @effects changes the frontier in place; tells `onNode` of the leaf and of every node it completes
 */
export function appendLeaf(frontier: Frontier, leaf: Hash, onNode?: NodeListener): void {
  appendSubtree(frontier, 0, leaf, onNode);
}

/**
 * Grows a frontier by a complete subtree of `2^level` leaves, which must begin where such a node may begin.
 * @effects changes the frontier in place; tells `onNode` of the subtree and of every node it completes
 */
export function appendSubtree(frontier: Frontier, level: number, hash: Hash, onNode?: NodeListener): void {
  const width = 2 ** level;
  assert(frontier.size % width === 0, 'a subtree must be aligned to its width');
  let index = frontier.size / width;
  let height = level;
  let node = hash;
  onNode?.(height, index, node);
  while (index % 2 === 1) {
    node = nodeHash(present(frontier.hashes.pop(), 'a frontier has a hash for each bit of its size'), node);
    index = (index - 1) / 2;
    height += 1;
    onNode?.(height, index, node);
  }
  frontier.hashes.push(node);
  frontier.size += width;
}

/** The root of the tree that a frontier bounds. */
export function frontierRoot(frontier: Frontier): Hash {
  return foldRight(frontier.hashes);
}

/** The root of the leaves hashed, as a tree of their own. */
export function rootOfLeaves(leaves: Iterable<Hash>): Hash {
  const frontier = frontierOf(0);
  for (const leaf of leaves) {
    appendLeaf(frontier, leaf);
  }
  return frontierRoot(frontier);
}

/** The root of the tree of the first `size` leaves. */
export function treeRoot(size: number, read: HashReader): Hash {
  return rangeRoot({ begin: 0, end: size }, read);
}

/**
 * The complete nodes that `subtreeProof` will read, so that a caller can fetch them in one query.
 * @errors throws AssertionError for a target that is not a subtree of the tree
 */
export function subtreeProofNodes(target: LeafRange, size: number): NodeId[] {
  return nodesOf(subtreeSiblings(target, size));
}

/**
 * The hashes from a subtree's sibling up to the root's child. The target is one leaf, or any range at which
 * the RFC's recursive split arrives, for example an aligned tile of 256 leaves or the last, partial one.
 * @source RFC 6962 section 2.1.1
 */
export function subtreeProof(target: LeafRange, size: number, read: HashReader): Hash[] {
  return subtreeSiblings(target, size).map((range) => rangeRoot(range, read));
}

/** The complete nodes that `inclusionProof` will read. */
export function inclusionNodes(index: number, size: number): NodeId[] {
  return subtreeProofNodes({ begin: index, end: index + 1 }, size);
}

/**
 * The audit path of the leaf at `index` in the tree of `size` leaves.
 * @source RFC 6962 section 2.1.1
 */
export function inclusionProof(index: number, size: number, read: HashReader): Hash[] {
  return subtreeProof({ begin: index, end: index + 1 }, size, read);
}

/** The complete nodes that `consistencyProof` will read. */
export function consistencyNodes(oldSize: number, size: number): NodeId[] {
  return nodesOf(consistencyRanges(oldSize, size));
}

/**
 * The proof that the tree of `oldSize` leaves is a prefix of the tree of `size`; empty from 0 and to itself.
 * @source RFC 6962 section 2.1.2
 */
export function consistencyProof(oldSize: number, size: number, read: HashReader): Hash[] {
  return consistencyRanges(oldSize, size).map((range) => rangeRoot(range, read));
}

/**
 * The root to which an audit path leads, or undefined when the path does not have the length the position
 * demands.
 * @source RFC 9162 section 2.1.3.2
 */
export function rootFromInclusion(
  index: number,
  size: number,
  leaf: Hash,
  proof: readonly Hash[],
): Hash | undefined {
  if (!isSize(index) || !isSize(size) || index >= size || leaf.length !== HASH_BYTES) {
    return undefined;
  }
  let position = index;
  let last = size - 1;
  let root = leaf;
  for (const sibling of proof) {
    if (last === 0 || sibling.length !== HASH_BYTES) {
      return undefined;
    }
    if (position % 2 === 1 || position === last) {
      root = nodeHash(sibling, root);
      while (position % 2 === 0 && position !== 0) {
        position = half(position);
        last = half(last);
      }
    } else {
      root = nodeHash(root, sibling);
    }
    position = half(position);
    last = half(last);
  }
  return last === 0 ? root : undefined;
}

/** Whether an audit path proves the leaf at `index` to be in the tree with this root. */
export function verifyInclusion(
  index: number,
  size: number,
  leaf: Hash,
  proof: readonly Hash[],
  root: Hash,
): boolean {
  const computed = rootFromInclusion(index, size, leaf, proof);
  return computed !== undefined && sameHash(computed, root);
}

/**
 * Whether the tree of `oldSize` leaves with `oldRoot` is a prefix of the tree of `size` leaves with `root`.
 * From size 0 only the empty root and the empty proof are accepted.
 * @source RFC 9162 section 2.1.4.2
 */
export function verifyConsistency(
  oldSize: number,
  size: number,
  oldRoot: Hash,
  root: Hash,
  proof: readonly Hash[],
): boolean {
  if (!isSize(oldSize) || !isSize(size) || oldSize > size) {
    return false;
  }
  if (oldSize === 0 || oldSize === size) {
    const empty = oldSize !== 0 || sameHash(oldRoot, EMPTY_ROOT);
    return proof.length === 0 && empty && (oldSize !== size || sameHash(oldRoot, root));
  }
  const roots = rootsFromConsistency(oldSize, size, oldRoot, proof);
  return roots !== undefined && sameHash(roots.oldRoot, oldRoot) && sameHash(roots.root, root);
}

function rootsFromConsistency(
  oldSize: number,
  size: number,
  oldRoot: Hash,
  proof: readonly Hash[],
): { oldRoot: Hash; root: Hash } | undefined {
  // A complete old tree is a node of the new one, so its root is left out of the proof.
  const path = isPowerOfTwo(oldSize) ? [oldRoot, ...proof] : proof;
  let position = oldSize - 1;
  let last = size - 1;
  while (position % 2 === 1) {
    position = half(position);
    last = half(last);
  }
  const [seed, ...siblings] = path;
  if (seed === undefined || path.some((hash) => hash.length !== HASH_BYTES)) {
    return undefined;
  }
  let older = seed;
  let newer = seed;
  for (const sibling of siblings) {
    if (last === 0) {
      return undefined;
    }
    if (position % 2 === 1 || position === last) {
      older = nodeHash(sibling, older);
      newer = nodeHash(sibling, newer);
      while (position % 2 === 0 && position !== 0) {
        position = half(position);
        last = half(last);
      }
    } else {
      newer = nodeHash(newer, sibling);
    }
    position = half(position);
    last = half(last);
  }
  return last === 0 ? { oldRoot: older, root: newer } : undefined;
}

function subtreeSiblings(target: LeafRange, size: number): LeafRange[] {
  assertSize(size);
  assert(target.begin >= 0 && target.begin < target.end && target.end <= size, 'the subtree is in the tree');
  const siblings: LeafRange[] = [];
  let begin = 0;
  let end = size;
  while (begin !== target.begin || end !== target.end) {
    assert(end - begin > 1, 'the range is not a subtree of the tree');
    const split = begin + largestPowerBelow(end - begin);
    if (target.begin < split) {
      siblings.push({ begin: split, end });
      end = split;
    } else {
      siblings.push({ begin, end: split });
      begin = split;
    }
  }
  return siblings.reverse();
}

function consistencyRanges(oldSize: number, size: number): LeafRange[] {
  assertSize(oldSize);
  assertSize(size);
  assert(oldSize <= size, 'a consistency proof goes from the smaller tree to the larger');
  if (oldSize === 0) {
    return [];
  }
  const ranges: LeafRange[] = [];
  let begin = 0;
  let end = size;
  while (end !== oldSize) {
    const split = begin + largestPowerBelow(end - begin);
    if (oldSize <= split) {
      ranges.push({ begin: split, end });
      end = split;
    } else {
      ranges.push({ begin, end: split });
      begin = split;
    }
  }
  if (begin > 0) {
    ranges.push({ begin, end });
  }
  return ranges.reverse();
}

function nodesOf(ranges: readonly LeafRange[]): NodeId[] {
  return ranges.flatMap((range) => rangeNodes(range.begin, range.end));
}

function rangeRoot(range: LeafRange, read: HashReader): Hash {
  return foldRight(rangeNodes(range.begin, range.end).map((node) => read(node.level, node.index)));
}

function foldRight(hashes: readonly Hash[]): Hash {
  let root: Hash | undefined;
  for (const hash of hashes.toReversed()) {
    root = root === undefined ? hash : nodeHash(hash, root);
  }
  return root ?? EMPTY_ROOT;
}

function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) {
    power *= 2;
  }
  return power;
}

function isPowerOfTwo(value: number): boolean {
  let rest = value;
  while (rest > 1 && rest % 2 === 0) {
    rest /= 2;
  }
  return rest === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function assertSize(value: number): void {
  assert(isSize(value), 'a tree size or index is a non-negative safe integer');
}

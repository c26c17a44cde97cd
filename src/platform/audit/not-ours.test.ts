/** Our inclusion proofs, read by the Merkle verifier of another project. */
import { expect, test } from 'bun:test';
import { verifyMerkleInclusion } from '@sigstore/verify/dist/tlog/merkle.js';
import { appendLeaf, frontierOf, frontierRoot, type Hash, inclusionProof, leafHash } from './merkle.ts';

const MAX_SIZE = 70;
const entries = Array.from({ length: MAX_SIZE }, (_, index) => Buffer.from(`entry ${index}`, 'utf8'));

type Entry = Parameters<typeof verifyMerkleInclusion>[0];
type Head = Parameters<typeof verifyMerkleInclusion>[1];

/** What their verifier reads of an entry and of a checkpoint. */
function accepts(body: Buffer, index: number, hashes: readonly Hash[], size: number, root: Hash): boolean {
  const entry = {
    canonicalizedBody: body,
    inclusionProof: { logIndex: String(index), hashes: hashes.map((hash) => Buffer.from(hash)) },
  };
  const head = { logSize: BigInt(size), logHash: Buffer.from(root) };
  try {
    verifyMerkleInclusion(entry as unknown as Entry, head as unknown as Head);
    return true;
  } catch {
    return false;
  }
}

test('every proof of every tree up to 70 rows is accepted, and none for another row, place or tree', () => {
  const nodes = new Map<string, Hash>();
  const frontier = frontierOf(0);
  for (const [at, added] of entries.entries()) {
    appendLeaf(frontier, leafHash(added), (level, index, hash) => nodes.set(`${level}/${index}`, hash));
    const size = at + 1;
    const root = frontierRoot(frontier);
    for (let index = 0; index < size; index += 1) {
      const proof = inclusionProof(index, size, (level, node) => nodes.get(`${level}/${node}`) as Hash);
      const body = entries[index] as Buffer;
      expect(accepts(body, index, proof, size, root)).toBe(true);
      expect(accepts(Buffer.from('another', 'utf8'), index, proof, size, root)).toBe(false);
      expect(accepts(body, index, proof, size, leafHash(body.subarray(1)))).toBe(false);
      if (size > 1) {
        expect(accepts(body, (index + 1) % size, proof, size, root)).toBe(false);
        expect(accepts(body, index, proof.slice(1), size, root)).toBe(false);
      }
    }
  }
});

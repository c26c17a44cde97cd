import { describe, expect, test } from 'bun:test';
import { noteSigner, parseVerifierKey, verifierOf } from './checkpoint.ts';
import { exportedLeaf } from './export-format.ts';
import { type Hash, inclusionProof, sha256 } from './merkle.ts';
import { SAMPLE_KEY, SAMPLE_ORIGIN, sampleLog } from './sample-log.ts';
import {
  formatTlogProof,
  parseTlogProof,
  type TlogProof,
  TlogProofError,
  verifyTlogProof,
} from './tlog-proof.ts';

const key = parseVerifierKey(SAMPLE_KEY);
const log = sampleLog(21);

function proofOf(index: number): TlogProof {
  return { index, hashes: inclusionProof(index, 21, log.read), checkpoint: log.checkpoint() };
}

function leafOf(index: number): Hash {
  const row = log.rows[index];
  const leaf = row && exportedLeaf(row.content);
  return leaf ?? new Uint8Array();
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof TlogProofError) {
      return error.code;
    }
    throw error;
  }
}

describe('tlog-proof', () => {
  test('is written as the specification and its reference implementation write it', () => {
    const h1 = sha256('hash1');
    const h2 = sha256('hash2');
    const b1 = Buffer.from(h1).toString('base64');
    const b2 = Buffer.from(h2).toString('base64');
    expect(formatTlogProof({ index: 5, hashes: [h1, h2], checkpoint: 'test checkpoint\n' })).toBe(
      `c2sp.org/tlog-proof@v1\nindex 5\n${b1}\n${b2}\n\ntest checkpoint\n`,
    );
    const extra = Buffer.from('extra information');
    expect(formatTlogProof({ index: 10, hashes: [h1], checkpoint: 'checkpoint data\n', extra })).toBe(
      `c2sp.org/tlog-proof@v1\nextra ${extra.toString('base64')}\nindex 10\n${b1}\n\ncheckpoint data\n`,
    );
    expect(formatTlogProof({ index: 0, hashes: [], checkpoint: 'checkpoint\n' })).toBe(
      'c2sp.org/tlog-proof@v1\nindex 0\n\ncheckpoint\n',
    );
  });

  test('of every row survives its file and verifies, and no other row does', () => {
    for (let index = 0; index < 21; index += 1) {
      const proof = { ...proofOf(index), extra: new Uint8Array([index]) };
      const read = parseTlogProof(formatTlogProof(proof));
      expect(read).toEqual(proof);
      expect(verifyTlogProof(read, leafOf(index), [key]).size).toBe(21);
      expect(codeOf(() => verifyTlogProof(read, leafOf((index + 1) % 21), [key]))).toBe('inclusion_refused');
    }
  });

  test('with a checkpoint of another key or another tree is refused', () => {
    const stranger = noteSigner(SAMPLE_ORIGIN, new Uint8Array(32).fill(8));
    expect(codeOf(() => verifyTlogProof(proofOf(3), leafOf(3), [verifierOf(stranger)]))).toBe(
      'checkpoint_refused',
    );
    const forged = { ...proofOf(3), checkpoint: log.checkpoint(21, stranger) };
    expect(codeOf(() => verifyTlogProof(forged, leafOf(3), [key]))).toBe('checkpoint_refused');
    const smaller = { ...proofOf(3), checkpoint: log.checkpoint(20) };
    expect(codeOf(() => verifyTlogProof(smaller, leafOf(3), [key]))).toBe('inclusion_refused');
  });

  const header = 'c2sp.org/tlog-proof@v1\n';
  const hash = Buffer.from(sha256('a')).toString('base64');
  const malformed: readonly [string, string][] = [
    ['another first line', 'c2sp.org/tlog-proof@v2\nindex 0\n\ncheckpoint\n'],
    ['extra data that is not base64', `${header}extra !!\nindex 0\n\ncheckpoint\n`],
    ['no index', `${header}\ncheckpoint\n`],
    ['the index before the extra data', `${header}index 0\nextra YQ==\n\ncheckpoint\n`],
    ['an index that is not a number', `${header}index one\n\ncheckpoint\n`],
    ['a negative index', `${header}index -5\n\ncheckpoint\n`],
    ['an index with a leading zero', `${header}index 05\n\ncheckpoint\n`],
    ['a hash that is not base64', `${header}index 0\n!!\n\ncheckpoint\n`],
    ['a hash of 64 bytes', `${header}index 0\n${Buffer.alloc(64).toString('base64')}\n\ncheckpoint\n`],
    ['more hashes than any tree is high', `${header}index 0\n${`${hash}\n`.repeat(64)}\ncheckpoint\n`],
    ['no blank line', `${header}index 0\n${hash}\n`],
  ];
  for (const [what, text] of malformed) {
    test(`with ${what} is refused`, () => {
      expect(codeOf(() => parseTlogProof(text))).toBe('proof_malformed');
    });
  }
});

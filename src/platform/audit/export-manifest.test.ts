import { expect, test } from 'bun:test';
import { NoteError, noteSigner, verifierOf } from './checkpoint.ts';
import { signManifest, verifyManifest } from './export-manifest.ts';
import { SAMPLE_ORIGIN, SAMPLE_SIGNER, sampleLog } from './sample-log.ts';

const log = sampleLog(3);
const facts = {
  origin: SAMPLE_ORIGIN,
  exportId: 'one',
  format: 'csv',
  from: '2026-01-01T00:00:00Z',
  to: '2026-02-01T00:00:00Z',
  filters: {},
  rows: 3,
  checkpoint: { size: 3, root: log.root(3), note: log.checkpoint(3), signedAt: '2026-02-01T00:00:00Z' },
  recipient: null,
  sizeBytes: 10,
  sha256: '00',
  plainSha256: '00',
} as unknown as Parameters<typeof signManifest>[0];

test('a manifest is read back under the key of the log it names, and under no other log’s', () => {
  const own = signManifest(facts, SAMPLE_SIGNER);
  expect(verifyManifest(own, [verifierOf(SAMPLE_SIGNER)])).toMatchObject({
    origin: SAMPLE_ORIGIN,
    rows: '3',
  });
  const other = noteSigner('other.example', new Uint8Array(32).fill(9));
  const keys = [verifierOf(SAMPLE_SIGNER), verifierOf(other)];
  expect(() => verifyManifest(signManifest(facts, other), keys)).toThrow(NoteError);
});

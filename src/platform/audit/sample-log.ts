/** An audit log in memory, with its tree, for the tests of this folder and of the verifier script. */
import { present } from '../../kernel/assert.ts';
import { formatVerifierKey, type NoteSigner, noteSigner, signCheckpoint, verifierOf } from './checkpoint.ts';
import type { ExportRow } from './export-format.ts';
import { partHash, rowLeafHash, SALT_BYTES } from './leaf.ts';
import { appendLeaf, frontierOf, frontierRoot, type Hash, type HashReader } from './merkle.ts';
import { type ExportPlan, writeExport } from './write-export.ts';

export const SAMPLE_ORIGIN = 'audit.plimsoll.example/log1';
export const SAMPLE_SIGNER: NoteSigner = noteSigner(SAMPLE_ORIGIN, new Uint8Array(32).fill(7));
export const SAMPLE_KEY = formatVerifierKey(verifierOf(SAMPLE_SIGNER));

export type SampleLog = {
  readonly rows: readonly ExportRow[];
  readonly read: HashReader;
  readonly root: (size: number) => Hash;
  readonly checkpoint: (size?: number, signer?: NoteSigner) => string;
};

/** A log of `size` rows; `variant` makes another history from row `from` on. */
export function sampleLog(size: number, variant = 'a', from = 0): SampleLog {
  const rows: ExportRow[] = [];
  const nodes = new Map<string, Hash>();
  const roots: Hash[] = [frontierRoot(frontierOf(0))];
  const frontier = frontierOf(0);
  for (let sequence = 0; sequence < size; sequence += 1) {
    const row = sampleRow(sequence, sequence < from ? 'a' : variant);
    rows.push(row.row);
    appendLeaf(frontier, row.leaf, (level, index, hash) => nodes.set(`${level}/${index}`, hash));
    roots.push(frontierRoot(frontier));
  }
  const root = (at: number): Hash => present(roots[at], 'the log has had this size');
  return {
    rows,
    root,
    read: (level, index) => present(nodes.get(`${level}/${index}`), `node ${level}/${index} is stored`),
    checkpoint: (at = size, signer = SAMPLE_SIGNER) =>
      signCheckpoint({ origin: SAMPLE_ORIGIN, size: at, root: root(at) }, signer),
  };
}

/** The lines of an export of the log, without newlines. */
export async function exportLines(
  log: SampleLog,
  plan: Partial<ExportPlan> = {},
  rows: readonly ExportRow[] = log.rows,
): Promise<string[]> {
  const lines: string[] = [];
  const whole: ExportPlan = {
    checkpoint: log.checkpoint(),
    verifierKey: SAMPLE_KEY,
    createdAt: '2026-11-21T10:00:00.000000Z',
    from: null,
    to: null,
    filters: {},
    sealer: SAMPLE_SIGNER,
    ...plan,
  };
  for await (const line of writeExport(whole, rows, () => log.read)) {
    lines.push(line.slice(0, -1));
  }
  return lines;
}

/** Every second row shows its personal part, the others only its hash. */
function sampleRow(sequence: number, variant: string): { row: ExportRow; leaf: Hash } {
  const publicSalt = new Uint8Array(SALT_BYTES).fill(sequence % 251);
  const salt = new Uint8Array(SALT_BYTES).fill((sequence * 7) % 253);
  const publicPart = { event: 'order.placed', id: `row-${sequence}`, outcome: 'success', variant };
  const part = { ip: `192.0.2.${sequence % 256}` };
  const hash = partHash(salt, part);
  const personal = sequence % 2 === 0 ? { salt, part } : { hash };
  const leaf = rowLeafHash({ publicHash: partHash(publicSalt, publicPart), personalHash: hash });
  return { row: { sequence, content: { publicSalt, publicPart, personal } }, leaf };
}

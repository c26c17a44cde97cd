/**
 * Holds an export against a checkpoint that its verifier kept, older or newer than the file.
 * Guarantees: a tree that does not go on from the one kept, or that the one kept does not go on from, is found,
 * whoever signed it. A name the log bore before counts up to the size it had then, where the file's seal says so
 * and a key of that name was given.
 */
import { type Checkpoint, type NoteVerifier, signatureFault } from './checkpoint.ts';
import type { ConsistencyFile } from './consistency-file.ts';
import type { FindingCode, Findings } from './export-findings.ts';
import type { EarlierOrigin, ExportHeader, ExportTrailer } from './export-format.ts';
import { type Hash, sameHash, verifyConsistency } from './merkle.ts';

/**
 * `prefix`: the kept checkpoint is the newer one, and its tree begins with the file's. `newer`: it is the newer
 * one, and nothing shows that. `beyond_name`: it has more rows than the log had when it gave up that name.
 */
export type EarlierState =
  | 'not_given'
  | 'consistent'
  | 'prefix'
  | 'newer'
  | 'beyond_name'
  | 'replaced'
  | 'unproven'
  | 'invalid';

/** The way from one tree to a larger one, from the file or from beside it. */
type GivenProof = { readonly from: number; readonly to: number; readonly proof: readonly Hash[] };

/** What the file says of its log; `earlierRoot` is the root at the kept size, where its rows gave one. */
type FileTree = {
  readonly header: ExportHeader;
  readonly checkpoint: Checkpoint;
  readonly verifiers: readonly NoteVerifier[];
  readonly sealed: 'valid' | 'own_key' | 'invalid' | 'missing';
  readonly proofs: readonly GivenProof[];
  readonly earlierRoot: Hash | undefined;
};

type Kept = Checkpoint & { readonly note: string };

type Fault = { readonly state: EarlierState; readonly code: FindingCode; readonly detail: string };

/** The consistency proofs at hand: those of the file, and the one given beside it. */
export function proofsOf(
  trailer: ExportTrailer | undefined,
  beside: ConsistencyFile | undefined,
): readonly GivenProof[] {
  const own =
    trailer?.consistency.map(({ size, proof }) => ({ from: size, to: trailer.treeSize, proof })) ?? [];
  return beside === undefined
    ? own
    : [...own, { from: beside.oldSize, to: beside.size, proof: beside.proof }];
}

/** Compares the tree of the file with the one kept. @effects a finding where one does not go on from the other */
export function checkEarlier(kept: Kept, file: FileTree, findings: Findings): EarlierState {
  const fault = nameFault(kept, file) ?? treeFault(kept, file);
  if (fault !== undefined) {
    const { state, code, detail } = fault;
    findings.add({ code, detail });
    return state;
  }
  return kept.size > file.checkpoint.size ? 'prefix' : 'consistent';
}

function nameFault(kept: Kept, file: FileTree): Fault | undefined {
  const { header, checkpoint, verifiers, sealed } = file;
  const { origin, size, note } = kept;
  const past = header.origins?.find((one) => one.origin === origin);
  // What the file does not name may be a name the log took later: then a key of that name must speak for it.
  const known = origin === checkpoint.origin || past !== undefined || size > checkpoint.size;
  const signature = signatureFault(note, known ? origin : null, verifiers);
  if (signature !== undefined) {
    const hint = past === undefined ? '' : `; the log bore the name ${origin} before: give --key for it too`;
    return {
      state: 'invalid',
      code: 'earlier_invalid',
      detail: `the earlier checkpoint: ${signature}${hint}`,
    };
  }
  if (!known) {
    const detail = `the log is now ${checkpoint.origin}, the earlier checkpoint is of ${origin}`;
    return { state: 'replaced', code: 'log_replaced', detail };
  }
  return past === undefined ? undefined : pastNameFault(kept, past, sealed);
}

function pastNameFault({ size }: Kept, past: EarlierOrigin, sealed: FileTree['sealed']): Fault | undefined {
  const { origin, untilSize } = past;
  if (sealed !== 'valid') {
    const detail = `the file says that the log was called ${origin} before, but no key that was given sealed it`;
    return { state: 'unproven', code: 'earlier_unproven', detail };
  }
  if (size > untilSize) {
    const detail = `the log gave up the name ${origin} at ${untilSize} rows, the earlier checkpoint has ${size}: what was signed beyond is not in this log`;
    return { state: 'beyond_name', code: 'earlier_beyond_name', detail };
  }
  return undefined;
}

function treeFault(kept: Kept, file: FileTree): Fault | undefined {
  const { checkpoint } = file;
  const holds = isConsistent(kept, file);
  if (holds === true) {
    return undefined;
  }
  if (kept.size > checkpoint.size) {
    return holds === false ? notABeginning(kept, checkpoint) : newerUnproven(kept, checkpoint);
  }
  if (holds === undefined) {
    const detail = `the file has no consistency proof from tree size ${kept.size}; ask for one that has`;
    return { state: 'unproven', code: 'earlier_unproven', detail };
  }
  const detail = `the first ${kept.size} rows are not those of the earlier checkpoint`;
  return { state: 'replaced', code: 'log_replaced', detail };
}

function notABeginning(kept: Kept, { size }: Checkpoint): Fault {
  const detail = `the tree of the kept checkpoint of ${kept.size} rows does not begin with the ${size} rows of this file`;
  return { state: 'replaced', code: 'log_replaced', detail };
}

function newerUnproven(kept: Kept, { size }: Checkpoint): Fault {
  const detail =
    `the kept checkpoint of ${kept.size} rows is newer than this file of ${size}: an older file looks like that, ` +
    `and so does a log that was rolled back; give --consistency with what ` +
    `GET /v1/audit/log/consistency?from=${size}&to=${kept.size} answers, or ask for a newer file`;
  return { state: 'newer', code: 'newer_checkpoint_unproven', detail };
}

/** Undefined when neither the file nor what was given beside it shows either way. */
function isConsistent(kept: Kept, { checkpoint, proofs, earlierRoot }: FileTree): boolean | undefined {
  const [small, large] = kept.size > checkpoint.size ? [checkpoint, kept] : [kept, checkpoint];
  if (earlierRoot !== undefined && small === kept) {
    return sameHash(earlierRoot, kept.root);
  }
  const given = proofs.find(({ from, to }) => from === small.size && to === large.size);
  const trivial = small.size === large.size || small.size === 0;
  if (given === undefined && !trivial) {
    return undefined;
  }
  const proof = trivial ? [] : (given?.proof ?? []);
  return verifyConsistency(small.size, large.size, small.root, large.root, proof);
}

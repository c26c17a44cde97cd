/**
 * The audit export file, `plimsoll-audit-export@1`: newline-delimited JSON that proves itself offline.
 *
 * Every line is canonical JSON (src/kernel/canonical-json.ts) followed by U+000A; hashes, salts and
 * signatures are base64 (RFC 4648 section 4). A line in another spelling is refused, so that a duplicate key
 * cannot show one value to a reader and another to the verifier. Lines, in order:
 *
 * 1. header: `format`, `origin`, `checkpoint` (the signed note all proofs lead to), `verifierKey` (whose it
 *    claims to be), `createdAt`, the period `from` and `to`, `filters`, where the log was called otherwise before also
 *    `origins` (each earlier `origin`, and `untilSize`, the rows it had when it gave the name up), and `proof`, which is one of
 *    - `range`: every row of the sequence range `[begin, end)`; `left` holds the complete subtrees of the tree
 *      over `[0, begin)`. Compact: about 47 bytes of proof a row.
 *    - `rows`: rows chosen by a filter, each with its own inclusion proof. About 1 KB of proof a row.
 * 2. range only, before the rows of each aligned block of 256: tile, with its `index`, the leaf `hashes` of the
 *    whole block (as in a C2SP tile) and the `path` from the block's root to the checkpoint's root. A block
 *    that is the tree's last is as short as the tree.
 * 3. row: `sequence` (the leaf index), `publicSalt` and `public`, then `personalHash`, or `personalSalt` and
 *    `personal` for a reader with the right to them. In a range, a row may instead say only why it is
 *    `withheld` (WITHHELD_REASONS); its leaf hash in the tile still proves the rows around it. In `rows`, also `previous` (the
 *    sequence exported before it, or null) and `proof`.
 * 4. trailer: `rows` (how many), `last` (sequence or null), `treeSize`, the `checkpoint` again, range only
 *    `right` (the complete subtrees over `[end, treeSize)`), `consistency` proofs from earlier tree sizes,
 *    `sha256` of all bytes before the trailer, and `seal`, a signed note by the log's key over format, origin,
 *    tree size, row count and that digest.
 *
 * The proofs bind each row to the checkpoint. The seal binds what they cannot: the period, the filters and
 * that no row was left out of a filtered file or cut from an end of a range. An attacker who also rewrites a
 * tile's hashes can hide which of its 256 rows was altered, never that one was; `rows` names it always.
 */
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { partHash, rowLeafHash, SALT_BYTES } from './leaf.ts';
import { HASH_BYTES, type Hash } from './merkle.ts';
import { joinHashes, splitHashes } from './tiles.ts';

export const EXPORT_FORMAT = 'plimsoll-audit-export@1';

export type JsonObject = { readonly [key: string]: Json | undefined };

/** What the header says of the proofs that follow. */
export type ProofKind =
  | { readonly kind: 'range'; readonly begin: number; readonly end: number; readonly left: readonly Hash[] }
  | { readonly kind: 'rows' };

/** A name that the log bore before. @units untilSize: the rows it had when it gave the name up */
export type EarlierOrigin = { readonly origin: string; readonly untilSize: number };

export type ExportHeader = {
  readonly type: 'header';
  readonly origin: string;
  readonly checkpoint: string;
  readonly verifierKey: string;
  readonly createdAt: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly filters: JsonObject;
  /** Absent where the log never bore another name. */
  readonly origins?: readonly EarlierOrigin[];
  readonly proof: ProofKind;
};

/** The leaf hashes of one block and the way from its root to the checkpoint's. */
export type ExportTile = {
  readonly type: 'tile';
  readonly index: number;
  readonly hashes: readonly Hash[];
  readonly path: readonly Hash[];
};

/** The personal part: opened for whoever may see it, else only its hash. */
export type PersonalPart = { readonly hash: Hash } | { readonly salt: Uint8Array; readonly part: Json };

/**
 * Why a file may keep a row of its range to itself: it lies outside the period, the filters did not choose it,
 * or it was archived with its partition. Nothing else is a reason: a row that should be there and is not is
 * written as `missing`, which its verifier reports.
 */
export const WITHHELD_REASONS: readonly string[] = [
  'outside',
  'not_chosen',
  'archived',
  'outside the period of this export',
];

/** What a row shows, or why it shows nothing: one of WITHHELD_REASONS, or `missing`. */
export type RowContent =
  | { readonly publicSalt: Uint8Array; readonly publicPart: Json; readonly personal: PersonalPart }
  | { readonly withheld: string };

/** A row to be exported; `sequence` is its leaf index. */
export type ExportRow = { readonly sequence: number; readonly content: RowContent };

/** A row as its line has it; `own` is there in a file of proof kind `rows`. */
export type ExportRowLine = ExportRow & {
  readonly type: 'row';
  readonly own?: { readonly previous: number | null; readonly proof: readonly Hash[] };
};

export type ExportConsistency = { readonly size: number; readonly proof: readonly Hash[] };

export type ExportTrailer = {
  readonly type: 'trailer';
  readonly rows: number;
  readonly last: number | null;
  readonly treeSize: number;
  readonly checkpoint: string;
  readonly right?: readonly Hash[];
  readonly consistency: readonly ExportConsistency[];
  readonly sha256: Hash;
  readonly seal?: string;
};

export type ExportLine = ExportHeader | ExportTile | ExportRowLine | ExportTrailer;

/** A line that is not of the format; the message says what is wrong. */
export class ExportFormatError extends Error {
  override readonly name = 'ExportFormatError';
}

/** The note text that seals a file. Its second line is no number, so it can never pass for a checkpoint. */
export function sealText(seal: { origin: string; treeSize: number; rows: number; sha256: Hash }): string {
  const digest = toBase64(seal.sha256);
  return `${EXPORT_FORMAT}\norigin ${seal.origin}\ntree ${seal.treeSize}\nrows ${seal.rows}\nsha256 ${digest}\n`;
}

/** The leaf hash that a row's content commits to; undefined for a row that is withheld. */
export function exportedLeaf(content: RowContent): Hash | undefined {
  if ('withheld' in content) {
    return undefined;
  }
  const { personal } = content;
  const personalHash = 'hash' in personal ? personal.hash : partHash(personal.salt, personal.part);
  return rowLeafHash({ publicHash: partHash(content.publicSalt, content.publicPart), personalHash });
}

/** Writes a line, with its newline. */
export function formatExportLine(line: ExportLine): string {
  return `${canonicalJson(wireForm(line))}\n`;
}

/**
 * Reads a line, given without its newline.
 * @errors ExportFormatError when it is not of the format or not in its canonical spelling
 */
export function parseExportLine(text: string): ExportLine {
  const line = parseCanonical(text);
  refuseStrangers(line);
  switch (line.type) {
    case 'header':
      return parseHeader(line);
    case 'tile':
      return { type: 'tile', index: count(line, 'index'), hashes: tileOf(line), path: hashes(line, 'path') };
    case 'row':
      return parseRow(line);
    case 'trailer':
      return parseTrailer(line);
    default:
      throw new ExportFormatError('the line is of no known type');
  }
}

/** What no proof covers must not stand beside what is proven. */
function refuseStrangers(line: JsonObject): void {
  const known = typeof line.type === 'string' ? MEMBERS.get(line.type) : undefined;
  for (const name in line) {
    if (known?.has(name) === false) {
      throw new ExportFormatError(`${name} is no member of this line`);
    }
  }
}

const MEMBERS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    'header',
    new Set(
      'type format origin checkpoint verifierKey createdAt from to filters origins proof begin end left'.split(
        ' ',
      ),
    ),
  ],
  ['tile', new Set(['type', 'index', 'hashes', 'path'])],
  [
    'row',
    new Set(
      'type sequence publicSalt public personalHash personalSalt personal withheld previous proof'.split(' '),
    ),
  ],
  ['trailer', new Set('type rows last treeSize checkpoint right consistency sha256 seal'.split(' '))],
]);

function wireForm(line: ExportLine): JsonObject {
  switch (line.type) {
    case 'header': {
      const { proof, ...rest } = line;
      const range = proof.kind === 'range' ? { ...proof, left: proof.left.map(toBase64) } : {};
      return { ...rest, ...range, format: EXPORT_FORMAT, kind: undefined, proof: proof.kind };
    }
    case 'tile':
      return { ...line, hashes: toBase64(joinHashes(line.hashes)), path: line.path.map(toBase64) };
    case 'row':
      return {
        type: line.type,
        sequence: line.sequence,
        ...contentWire(line.content),
        ...(line.own && { previous: line.own.previous, proof: line.own.proof.map(toBase64) }),
      };
    case 'trailer':
      return {
        ...line,
        right: line.right?.map(toBase64),
        consistency: line.consistency.map(({ size, proof }) => ({ size, proof: proof.map(toBase64) })),
        sha256: toBase64(line.sha256),
      };
  }
}

function contentWire(content: RowContent): JsonObject {
  if ('withheld' in content) {
    return { withheld: content.withheld };
  }
  const { personal } = content;
  return {
    publicSalt: toBase64(content.publicSalt),
    public: content.publicPart,
    ...('hash' in personal
      ? { personalHash: toBase64(personal.hash) }
      : { personalSalt: toBase64(personal.salt), personal: personal.part }),
  };
}

function parseCanonical(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value) && canonicalJson(value) === text) {
      return value;
    }
  } catch (error) {
    // SyntaxError, a float (TypeError) and nesting too deep (RangeError) all mean: not our format.
    const reason = error instanceof Error ? error.message : String(error);
    throw new ExportFormatError(`the line is not canonical JSON: ${reason}`);
  }
  throw new ExportFormatError('the line is not a JSON object in canonical spelling');
}

function parseHeader(line: JsonObject): ExportHeader {
  if (line.format !== EXPORT_FORMAT) {
    throw new ExportFormatError(`the format is not ${EXPORT_FORMAT}`);
  }
  return {
    type: 'header',
    origin: text(line, 'origin'),
    checkpoint: text(line, 'checkpoint'),
    verifierKey: text(line, 'verifierKey'),
    createdAt: text(line, 'createdAt'),
    from: line.from === null ? null : text(line, 'from'),
    to: line.to === null ? null : text(line, 'to'),
    filters: object(line, 'filters'),
    ...(line.origins !== undefined && { origins: originsOf(line) }),
    proof: parseProofKind(line),
  };
}

function originsOf(line: JsonObject): EarlierOrigin[] {
  return list(line, 'origins').map((item) => {
    if (!isObject(item) || Object.keys(item).length !== 2) {
      throw new ExportFormatError('origins is not a list of names with their sizes');
    }
    return { origin: text(item, 'origin'), untilSize: count(item, 'untilSize') };
  });
}

function parseProofKind(line: JsonObject): ProofKind {
  const kind = text(line, 'proof');
  if (kind === 'rows') {
    return { kind };
  }
  if (kind !== 'range') {
    throw new ExportFormatError('proof is neither range nor rows');
  }
  return { kind, begin: count(line, 'begin'), end: count(line, 'end'), left: hashes(line, 'left') };
}

function parseRow(line: JsonObject): ExportRowLine {
  const row = { type: 'row', sequence: count(line, 'sequence'), content: parseContent(line) } as const;
  if (line.proof === undefined && line.previous === undefined) {
    return row;
  }
  const previous = line.previous === null ? null : count(line, 'previous');
  return { ...row, own: { previous, proof: hashes(line, 'proof') } };
}

function parseContent(line: JsonObject): RowContent {
  if (line.withheld !== undefined) {
    if (line.public !== undefined || line.personal !== undefined) {
      throw new ExportFormatError('a withheld row shows nothing else');
    }
    return { withheld: text(line, 'withheld') };
  }
  const publicPart = line.public;
  if (publicPart === undefined) {
    throw new ExportFormatError('public is missing');
  }
  return {
    publicSalt: bytes(line, 'publicSalt', SALT_BYTES),
    publicPart,
    personal: parsePersonal(line),
  };
}

function parsePersonal(line: JsonObject): PersonalPart {
  const part = line.personal;
  if (part === undefined) {
    return { hash: bytes(line, 'personalHash', HASH_BYTES) };
  }
  if (line.personalHash !== undefined) {
    throw new ExportFormatError('a personal part is either shown or hashed');
  }
  return { salt: bytes(line, 'personalSalt', SALT_BYTES), part };
}

function parseTrailer(line: JsonObject): ExportTrailer {
  return {
    type: 'trailer',
    rows: count(line, 'rows'),
    last: line.last === null ? null : count(line, 'last'),
    treeSize: count(line, 'treeSize'),
    checkpoint: text(line, 'checkpoint'),
    ...(line.right !== undefined && { right: hashes(line, 'right') }),
    consistency: list(line, 'consistency').map((item) => {
      if (!isObject(item)) {
        throw new ExportFormatError('consistency is not a list of objects');
      }
      return { size: count(item, 'size'), proof: hashes(item, 'proof') };
    }),
    sha256: bytes(line, 'sha256', HASH_BYTES),
    ...(line.seal !== undefined && { seal: text(line, 'seal') }),
  };
}

function tileOf(line: JsonObject): Hash[] {
  const joined = fromBase64(text(line, 'hashes'));
  if (joined === undefined || joined.length % HASH_BYTES !== 0) {
    throw new ExportFormatError('hashes is not the base64 of whole hashes');
  }
  return splitHashes(joined);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function object(line: JsonObject, key: string): JsonObject {
  const value = line[key];
  if (!isObject(value)) {
    throw new ExportFormatError(`${key} is not an object`);
  }
  return value;
}

function text(line: JsonObject, key: string): string {
  const value = line[key];
  if (typeof value !== 'string') {
    throw new ExportFormatError(`${key} is not a string`);
  }
  return value;
}

function count(line: JsonObject, key: string): number {
  const value = line[key];
  if (typeof value !== 'number' || value < 0) {
    throw new ExportFormatError(`${key} is not a count`);
  }
  return value;
}

function list(line: JsonObject, key: string): readonly unknown[] {
  const value = line[key];
  if (!Array.isArray(value)) {
    throw new ExportFormatError(`${key} is not a list`);
  }
  return value;
}

function hashes(line: JsonObject, key: string): Hash[] {
  return list(line, key).map((item) => {
    const hash = typeof item === 'string' ? fromBase64(item) : undefined;
    if (hash?.length !== HASH_BYTES) {
      throw new ExportFormatError(`${key} is not a list of hashes`);
    }
    return hash;
  });
}

function bytes(line: JsonObject, key: string, length: number): Uint8Array {
  const value = fromBase64(text(line, key));
  if (value?.length !== length) {
    throw new ExportFormatError(`${key} is not the base64 of ${length} bytes`);
  }
  return value;
}

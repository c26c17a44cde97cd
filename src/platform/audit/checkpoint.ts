/**
 * Signed tree heads: the C2SP checkpoint body inside a C2SP signed note with Ed25519 signatures.
 * Guarantees: what verifies was signed by the key named, over exactly the text returned; parsing accepts one
 * spelling per checkpoint. Does not guarantee that the signer never signed an inconsistent tree: only a
 * consistency proof between two kept checkpoints does.
 * @source https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { assert } from '../../kernel/assert.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { HASH_BYTES, type Hash, sha256 } from './merkle.ts';

const ED25519_TYPE = 0x01;
const ED25519_BYTES = 32;
const KEY_ID_BYTES = 4;
const MAX_NOTE_BYTES = 1_000_000;
const MAX_SIGNATURES = 100;
const PKCS8_ED25519_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A tree head. `extensions` are opaque lines of other logs; ours writes none. */
export type Checkpoint = {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
  readonly extensions?: readonly string[];
};

/** One signature line of a note. The key id is eight hex digits. */
export type NoteSignature = { readonly name: string; readonly keyId: string; readonly signature: Uint8Array };

/** A note taken apart, nothing verified. */
export type SignedNote = { readonly text: string; readonly signatures: readonly NoteSignature[] };

export type NoteSigner = { readonly name: string; readonly keyId: string; readonly privateKey: KeyObject };

export type NoteVerifier = { readonly name: string; readonly keyId: string; readonly publicKey: KeyObject };

/** The closed list of what can be wrong with a note, a checkpoint or a verifier key. */
export type NoteErrorCode =
  | 'note_malformed'
  | 'checkpoint_malformed'
  | 'verifier_key_malformed'
  | 'signature_unknown'
  | 'signature_invalid';

export class NoteError extends Error {
  override readonly name = 'NoteError';
  readonly code: NoteErrorCode;

  constructor(code: NoteErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The note text of a checkpoint.
 * @shape origin, decimal size, base64 root, each on a line
 */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const { origin, size, root, extensions = [] } = checkpoint;
  assert(Number.isSafeInteger(size) && size >= 0, 'a tree size is a non-negative safe integer');
  assert(root.length === HASH_BYTES, 'a root hash has 32 bytes');
  const lines = [origin, String(size), toBase64(root), ...extensions];
  assert(lines.every(isNoteLine), 'a checkpoint line is not empty and has no control characters');
  return `${lines.join('\n')}\n`;
}

/**
 * Reads the text of a note as a checkpoint.
 * @errors NoteError checkpoint_malformed, with what is wrong
 */
export function parseCheckpoint(text: string): Checkpoint {
  const malformed = (what: string): NoteError => new NoteError('checkpoint_malformed', `checkpoint: ${what}`);
  if (!text.endsWith('\n')) {
    throw malformed('the last line does not end in a newline');
  }
  const [origin = '', sizeText = '', rootText = '', ...extensions] = text.slice(0, -1).split('\n');
  if (!isNoteLine(origin)) {
    throw malformed('the origin line is empty or has control characters');
  }
  const size = parseDecimal(sizeText);
  if (size === undefined) {
    throw malformed('the tree size is not a decimal number without leading zeros');
  }
  const root = fromBase64(rootText);
  if (root?.length !== HASH_BYTES) {
    throw malformed('the root hash is not the base64 of 32 bytes');
  }
  if (!extensions.every(isNoteLine)) {
    throw malformed('an extension line is empty or has control characters');
  }
  return extensions.length > 0 ? { origin, size, root, extensions } : { origin, size, root };
}

/**
 * Signs a text as a note, keeping the signature lines an earlier note of the same text already bears.
 * @errors throws AssertionError when the text is not a note text
 */
export function signNote(
  text: string,
  signers: readonly NoteSigner[],
  kept: readonly NoteSignature[] = [],
): string {
  assert(isNoteText(text), 'a note text is valid Unicode, ends in a newline and has no control characters');
  const bytes = Buffer.from(text, 'utf8');
  const added = signers.map((signer) => ({
    name: signer.name,
    keyId: signer.keyId,
    signature: new Uint8Array(sign(null, bytes, signer.privateKey)),
  }));
  const lines = [...kept, ...added].map(signatureLine);
  assert(lines.length >= 1 && lines.length <= MAX_SIGNATURES, 'a note bears 1 to 100 signatures');
  return `${text}\n${lines.join('')}`;
}

/**
 * Takes a note apart without verifying it.
 * @errors NoteError note_malformed
 */
export function parseNote(note: string): SignedNote {
  const malformed = (what: string): NoteError => new NoteError('note_malformed', `signed note: ${what}`);
  if (note.length > MAX_NOTE_BYTES || !isNoteText(note)) {
    throw malformed('too long, not valid Unicode, has control characters or does not end in a newline');
  }
  const split = note.lastIndexOf('\n\n');
  if (split < 0) {
    throw malformed('no blank line before the signatures');
  }
  const text = note.slice(0, split + 1);
  const block = note.slice(split + 2);
  const lines = block === '' ? [] : block.slice(0, -1).split('\n');
  if (lines.length === 0 || lines.length > MAX_SIGNATURES) {
    throw malformed('there must be 1 to 100 signatures');
  }
  return { text, signatures: lines.map((line) => parseSignatureLine(line, malformed)) };
}

/**
 * Verifies a note against known keys; signatures of unknown keys are ignored.
 * @errors NoteError note_malformed, signature_invalid (a known key's signature fails), signature_unknown
 */
export function verifyNote(
  note: string,
  verifiers: readonly NoteVerifier[],
): { readonly text: string; readonly signedBy: readonly string[] } {
  const { text, signatures } = parseNote(note);
  const bytes = Buffer.from(text, 'utf8');
  const signedBy = new Set<string>();
  for (const { name, keyId, signature } of signatures) {
    const known = verifiers.find((verifier) => verifier.name === name && verifier.keyId === keyId);
    if (known === undefined) {
      continue;
    }
    if (!verify(null, bytes, known.publicKey, signature)) {
      throw new NoteError('signature_invalid', `the signature of ${name}+${keyId} does not fit the text`);
    }
    signedBy.add(name);
  }
  if (signedBy.size === 0) {
    throw new NoteError('signature_unknown', 'no signature is by a key that was given');
  }
  return { text, signedBy: [...signedBy] };
}

/**
 * What is wrong with the signature of a note in the name of an origin, or of any where it is null; undefined
 * where nothing is. The key of one log says nothing for another.
 */
export function signatureFault(
  note: string,
  origin: string | null,
  verifiers: readonly NoteVerifier[],
): string | undefined {
  try {
    verifyNote(
      note,
      verifiers.filter(({ name }) => origin === null || name === origin),
    );
    return undefined;
  } catch (error) {
    if (error instanceof NoteError) {
      return error.message;
    }
    throw error;
  }
}

/** Signs a checkpoint as a note of one signature. */
export function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): string {
  return signNote(formatCheckpoint(checkpoint), [signer]);
}

/**
 * Verifies a checkpoint note and reads it.
 * @errors NoteError note_malformed, signature_invalid, signature_unknown, checkpoint_malformed
 */
export function openCheckpoint(note: string, verifiers: readonly NoteVerifier[]): Checkpoint {
  return parseCheckpoint(verifyNote(note, verifiers).text);
}

/**
 * The key id of an Ed25519 note key: SHA-256(name ‖ 0x0A ‖ 0x01 ‖ key), first four bytes, in hex.
 * @source https://c2sp.org/signed-note#ed25519-signatures
 */
export function noteKeyId(name: string, rawPublicKey: Uint8Array): string {
  assert(isKeyName(name), 'a key name is not empty and has neither spaces nor a plus sign');
  assert(rawPublicKey.length === ED25519_BYTES, 'an Ed25519 public key has 32 bytes');
  const head = Buffer.from(`${name}\n`, 'utf8');
  const id = sha256(Buffer.concat([head, typedKey(rawPublicKey)])).subarray(0, KEY_ID_BYTES);
  return Buffer.from(id).toString('hex');
}

/** A signer under a key name from an Ed25519 private key: a KeyObject, or its 32-byte seed. */
export function noteSigner(name: string, key: KeyObject | Uint8Array): NoteSigner {
  const privateKey = key instanceof Uint8Array ? privateKeyFromSeed(key) : key;
  const keyId = noteKeyId(name, rawPublicKeyOf(createPublicKey(privateKey)));
  return { name, keyId, privateKey };
}

/** The verifier that belongs to a signer. */
export function verifierOf(signer: NoteSigner): NoteVerifier {
  return { name: signer.name, keyId: signer.keyId, publicKey: createPublicKey(signer.privateKey) };
}

/** Writes a verifier key as `name+hexkeyid+base64`. */
export function formatVerifierKey(verifier: NoteVerifier): string {
  return `${verifier.name}+${verifier.keyId}+${toBase64(typedKey(rawPublicKeyOf(verifier.publicKey)))}`;
}

/**
 * Reads a verifier key `name+hexkeyid+base64`.
 * @errors NoteError verifier_key_malformed, also when the key id is not the key's
 */
export function parseVerifierKey(text: string): NoteVerifier {
  const malformed = (what: string): NoteError =>
    new NoteError('verifier_key_malformed', `verifier key: ${what}`);
  const match = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text);
  if (match === null) {
    throw malformed('expected name+hexkeyid+base64');
  }
  const [, name = '', keyId = '', keyText = ''] = match;
  const typed = fromBase64(keyText);
  if (!isKeyName(name) || typed?.length !== 1 + ED25519_BYTES || typed[0] !== ED25519_TYPE) {
    throw malformed('not an Ed25519 key with a valid name');
  }
  const raw = typed.subarray(1);
  if (noteKeyId(name, raw) !== keyId) {
    throw malformed('the key id does not belong to this name and key');
  }
  return { name, keyId, publicKey: publicKeyFromRaw(raw) };
}

/** Reads a decimal without sign or leading zeros, as all C2SP formats write them. */
export function parseDecimal(text: string): number | undefined {
  const value = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

function signatureLine(line: NoteSignature): string {
  assert(isKeyName(line.name), 'a key name is not empty and has neither spaces nor a plus sign');
  const bytes = Buffer.concat([Buffer.from(line.keyId, 'hex'), line.signature]);
  return `— ${line.name} ${toBase64(bytes)}\n`;
}

function parseSignatureLine(line: string, malformed: (what: string) => NoteError): NoteSignature {
  const match = /^— ([^ ]+) ([^ ]+)$/.exec(line);
  const name = match?.[1] ?? '';
  const bytes = fromBase64(match?.[2] ?? '');
  if (!isKeyName(name) || bytes === undefined || bytes.length <= KEY_ID_BYTES) {
    throw malformed('a signature line is not "— <name> <base64>"');
  }
  const keyId = Buffer.from(bytes.subarray(0, KEY_ID_BYTES)).toString('hex');
  return { name, keyId, signature: bytes.subarray(KEY_ID_BYTES) };
}

function isKeyName(name: string): boolean {
  return name !== '' && !name.includes('+') && !/\p{White_Space}/u.test(name) && isNoteLine(name);
}

function isNoteLine(line: string): boolean {
  return line !== '' && !hasControl(line) && line.isWellFormed();
}

function isNoteText(text: string): boolean {
  return text.endsWith('\n') && !hasControl(text.replaceAll('\n', '')) && text.isWellFormed();
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) < 0x20) {
      return true;
    }
  }
  return false;
}

function typedKey(raw: Uint8Array): Uint8Array {
  return Uint8Array.of(ED25519_TYPE, ...raw);
}

function privateKeyFromSeed(seed: Uint8Array): KeyObject {
  assert(seed.length === ED25519_BYTES, 'an Ed25519 seed has 32 bytes');
  const der = Buffer.concat([PKCS8_ED25519_PREFIX, seed]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

function publicKeyFromRaw(raw: Uint8Array): KeyObject {
  const x = Buffer.from(raw).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

function rawPublicKeyOf(key: KeyObject): Uint8Array {
  assert(key.asymmetricKeyType === 'ed25519', 'a note key is an Ed25519 key');
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
}

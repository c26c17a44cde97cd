/**
 * Cosignatures of witnesses over a log's checkpoints.
 * Guarantees: what verifies was signed by the witness named, over the whole checkpoint and the time it saw it.
 * Does not know the types of key other than Ed25519: a witness with another is refused when it is configured.
 * @source https://c2sp.org/tlog-cosignature
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { fromBase64 } from './base64.ts';
import { NoteError, type NoteSignature, parseNote } from './checkpoint.ts';
import { sha256 } from './merkle.ts';

const COSIGNATURE_TYPE = 0x04;
const KEY_BYTES = 32;
const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

export type Witness = { readonly name: string; readonly keyId: string; readonly publicKey: KeyObject };

/**
 * Reads a witness's verifier key `name+hexkeyid+base64` of type 0x04.
 * @errors NoteError verifier_key_malformed
 */
export function parseWitnessKey(text: string): Witness {
  const [, name = '', keyId = '', keyText = ''] = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? [];
  const typed = fromBase64(keyText);
  if (name === '' || typed?.length !== 1 + KEY_BYTES || typed[0] !== COSIGNATURE_TYPE) {
    throw new NoteError('verifier_key_malformed', 'witness key: not an Ed25519 cosignature key (type 4)');
  }
  const id = sha256(Buffer.concat([Buffer.from(`${name}\n`, 'utf8'), typed])).subarray(0, 4);
  if (Buffer.from(id).toString('hex') !== keyId) {
    throw new NoteError('verifier_key_malformed', 'witness key: the key id is not of this name and key');
  }
  const x = Buffer.from(typed.subarray(1)).toString('base64url');
  return {
    name,
    keyId,
    publicKey: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }),
  };
}

/**
 * The time at which the witness saw this checkpoint; null when the signature is not its own.
 * @shape text: the checkpoint's note text, with its last newline
 * @units seconds since 1970-01-01T00:00:00Z
 */
export function cosignedAt(text: string, signature: NoteSignature, witness: Witness): number | null {
  const bytes = Buffer.from(signature.signature);
  if (signature.name !== witness.name || signature.keyId !== witness.keyId) {
    return null;
  }
  if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) {
    return null;
  }
  const seconds = bytes.readBigUInt64BE(0);
  const message = Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`, 'utf8');
  const valid = verify(null, message, witness.publicKey, bytes.subarray(TIME_BYTES));
  return valid && seconds <= BigInt(Number.MAX_SAFE_INTEGER) ? Number.parseInt(String(seconds), 10) : null;
}

/** Reads the signature lines a witness answers with. @errors NoteError note_malformed */
export function parseSignatureLines(lines: string): readonly NoteSignature[] {
  return parseNote(`x\n\n${lines}`).signatures;
}

/**
 * Public keys that requests are signed for. A public key of small order accepts signatures that anybody
 * can make, so a key that looked signed would not be: those are refused when they are handed in.
 * @source RFC 8032 (Ed25519); the points whose order divides eight, in every encoding of them
 */
import { createPublicKey, verify } from 'node:crypto';

/** The y coordinates, little-endian; the highest bit says which of two x. */
const SMALL_ORDER = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** Whether only the holder of its other half can sign for a public key. @shape `key` is 32 bytes */
export function isUsablePublicKey(key: Uint8Array): boolean {
  const coordinate = Uint8Array.from(key, (byte, at) => (at === 31 ? byte & 0x7f : byte));
  return !SMALL_ORDER.has(Buffer.from(coordinate).toString('hex'));
}

/** Whether a text was signed with the other half of a raw Ed25519 public key. */
export function isSignedBy(publicKey: Uint8Array, text: string, signature: Uint8Array): boolean {
  const x = Buffer.from(publicKey).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return verify(null, Buffer.from(text, 'latin1'), key, signature);
}

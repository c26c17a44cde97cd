/**
 * Strict RFC 4648 section 4 text for hashes and signatures: one spelling per value, so that a proof file
 * cannot be varied without its bytes changing meaning.
 */

/** Encodes bytes with padding. */
export function toBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/**
 * Decodes canonical base64, or gives undefined for anything that `toBase64` would not have written.
 * @source RFC 4648 sections 3.5 and 4
 */
export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}

/**
 * How an outside vendor is written in a setting: `name:member=value;member=value`. What is refused is never quoted,
 * since a key may stand in it.
 */

/** Whether an outside vendor is only compared with, or the stricter of the two answers counts. */
export type VendorMode = 'compare' | 'decide';

const MEMBER = /^([a-z]+)=([\x21-\x3a\x3c-\x7e]+)$/;

/** The members of a vendor's setting, each once at most. @errors Error that quotes nothing */
export function vendorMembers(text: string, known: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const member of text.split(';')) {
    const [, name = '', value = ''] = MEMBER.exec(member) ?? [];
    if (!known.includes(name) || found.has(name)) {
      throw new Error(`must give each of ${known.join(', ')} once at most, as name=value, separated by ;`);
    }
    found.set(name, value);
  }
  return found;
}

/** @errors Error that quotes nothing */
export function vendorMode(mode: string | undefined): VendorMode {
  if (mode !== 'compare' && mode !== 'decide') {
    throw new Error('must give mode=compare or mode=decide');
  }
  return mode;
}

/** An address without a slash at its end; plain http goes to this machine alone, and only in the sandbox. */
export function vendorAddress(text: string | undefined): string {
  const url = URL.parse(text ?? '');
  const local = url?.hostname === '127.0.0.1' || url?.hostname === 'localhost';
  const usable = url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && local));
  if (text === undefined || !usable || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new Error('must give url as an https address without login and query');
  }
  return text.replace(/\/+$/u, '');
}

import { parseWitnessKey } from './cosignature.ts';
import type { WitnessEndpoint } from './witness.ts';

/** `VKEY@URL`, separated by commas; a verifier key has no at sign. @errors TypeError or NoteError for another form */
export function parseWitnesses(text: string): readonly WitnessEndpoint[] {
  return text.split(',').map((item) => {
    const [, key = '', url = ''] = /^([^@]+)@(https?:\/\/\S+)$/.exec(item.trim()) ?? [];
    if (url === '') {
      throw new TypeError('must be verifierKey@https://…, separated by commas');
    }
    return { url: new URL(url).href, witness: parseWitnessKey(key) };
  });
}

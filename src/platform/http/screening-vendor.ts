import { type VendorMode, vendorAddress, vendorMembers, vendorMode } from './vendor-setting.ts';

/** What an outside screening vendor is called with. */
export type ScreeningVendorSettings = {
  readonly vendor: 'yente';
  readonly mode: VendorMode;
  /** Where its API is, without a slash at the end. */
  readonly url: string;
  /** Which of its collections is searched. */
  readonly dataset: string;
  /** Null where it takes calls without one, as one run by the firm itself does. */
  readonly apiKey: string | null;
  /** Null leaves the choice to the vendor. */
  readonly algorithm: string | null;
  /** From this score on a result is a match. @units decimal string from 0 to 1 */
  readonly threshold: string;
};

const MEMBERS = ['url', 'mode', 'dataset', 'key', 'algorithm', 'threshold'] as const;
const NAME = /^[A-Za-z0-9_.-]{1,80}$/;
const THRESHOLD = /^(0\.[0-9]{1,4}|1(\.0{1,4})?)$/;

/**
 * Reads `yente:url=…;mode=compare`, with `dataset`, `key`, `algorithm` and `threshold` where they are not
 * the usual ones.
 * @errors Error that does not name the key
 */
export function parseScreeningVendor(text: string): ScreeningVendorSettings {
  const [, vendor, rest = ''] = /^([a-z]{1,32}):(.+)$/.exec(text.trim()) ?? [];
  if (vendor !== 'yente') {
    throw new Error('must be yente:url=…;mode=compare|decide');
  }
  const given = vendorMembers(rest, MEMBERS);
  const mode = vendorMode(given.get('mode'));
  const threshold = given.get('threshold') ?? '0.7';
  if (!THRESHOLD.test(threshold)) {
    throw new Error('must give a threshold from 0 to 1');
  }
  const algorithm = given.get('algorithm') ?? null;
  const dataset = given.get('dataset') ?? 'default';
  if (!NAME.test(dataset) || (algorithm !== null && !NAME.test(algorithm))) {
    throw new Error(
      'must give dataset and algorithm as names of letters, digits, dots, dashes and underscores',
    );
  }
  return {
    vendor,
    mode,
    url: vendorAddress(given.get('url')),
    dataset,
    apiKey: given.get('key') ?? null,
    algorithm,
    threshold,
  };
}

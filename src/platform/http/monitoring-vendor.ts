import type { ActivityKind } from '../activity.ts';
import { type VendorMode, vendorAddress, vendorMembers, vendorMode } from './vendor-setting.ts';

/** What an outside monitoring vendor is called with. */
export type MonitoringVendorSettings = {
  readonly vendor: 'marble';
  readonly mode: VendorMode;
  /** Where its API is, without a slash at the end. */
  readonly url: string;
  /** Which of its scenarios judges. @units UUID */
  readonly scenario: string;
  readonly apiKey: string;
  /** What it is asked about. */
  readonly kinds: readonly ActivityKind[];
};

const MEMBERS = ['url', 'mode', 'scenario', 'key', 'kinds'] as const;
const SCENARIO = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Orders and trades are too many for a call each. */
const KINDS = [
  'deposit',
  'withdrawal_requested',
  'beneficiary_added',
  'transfer',
] as const satisfies readonly ActivityKind[];

/**
 * Reads `marble:url=…;mode=compare;scenario=…;key=…`, with `kinds` where not only money in and out is asked about.
 * @errors Error that does not name the key
 */
export function parseMonitoringVendor(text: string): MonitoringVendorSettings {
  const [, vendor, rest = ''] = /^([a-z]{1,32}):(.+)$/.exec(text.trim()) ?? [];
  if (vendor !== 'marble') {
    throw new Error('must be marble:url=…;mode=compare|decide;scenario=…;key=…');
  }
  const given = vendorMembers(rest, MEMBERS);
  const mode = vendorMode(given.get('mode'));
  const scenario = given.get('scenario') ?? '';
  if (!SCENARIO.test(scenario)) {
    throw new Error('must give scenario as the id the vendor has for it, a UUID in small letters');
  }
  const apiKey = given.get('key');
  if (apiKey === undefined) {
    throw new Error('must give key');
  }
  const url = vendorAddress(given.get('url'));
  return { vendor, mode, url, scenario, apiKey, kinds: kindsOf(given.get('kinds')) };
}

function kindsOf(text = 'deposit,withdrawal_requested'): readonly ActivityKind[] {
  const named = text.split(',');
  const kinds = KINDS.filter((kind) => named.includes(kind));
  if (kinds.length !== named.length) {
    throw new Error(`must give kinds as some of ${KINDS.join(', ')}, each once, separated by commas`);
  }
  return kinds;
}

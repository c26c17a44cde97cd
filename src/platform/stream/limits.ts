/** What one stream, one credential and one node may take up. */

export type StreamLimits = {
  /** Open streams of one credential at one node. */
  readonly connections: number;
  /** Subscriptions of one stream. */
  readonly subscriptions: number;
  /** Messages a stream takes from its client in a second. */
  readonly messages: number;
  /** Messages that wait for a client that reads slowly. */
  readonly queue: number;
  /** Open streams of one node. */
  readonly node: number;
  /** How long a client may read nothing of what waits for it. @units ms */
  readonly stalled: number;
};

const DEFAULTS: StreamLimits = {
  connections: 10,
  subscriptions: 200,
  messages: 20,
  queue: 1_000,
  node: 10_000,
  stalled: 30_000,
};
const MAX_LIMIT = 1_000_000;

/**
 * The limits with what an operator changed: `connections=5,subscriptions=100`.
 * @errors RangeError that says what is wrong
 */
export function parseStreamLimits(text: string): StreamLimits {
  const limits: { -readonly [Name in keyof StreamLimits]: number } = { ...DEFAULTS };
  const seen = new Set<string>();
  for (const entry of text.trim() === '' ? [] : text.split(',').map((part) => part.trim())) {
    const [, name = '', digits = ''] = /^([a-z]+)=(\d{1,7})$/.exec(entry) ?? [];
    if (!isLimit(name)) {
      throw new RangeError(
        `${entry}: must be name=number, the name one of ${Object.keys(DEFAULTS).join(', ')}`,
      );
    }
    const number = Number.parseInt(digits, 10);
    if (seen.has(name) || number < 1 || number > MAX_LIMIT) {
      throw new RangeError(`${name}: must be given once, from 1 to ${MAX_LIMIT}`);
    }
    seen.add(name);
    limits[name] = number;
  }
  return limits;
}

function isLimit(name: string): name is keyof StreamLimits {
  return Object.hasOwn(DEFAULTS, name);
}

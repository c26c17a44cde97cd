/** Which price feeds an installation runs, and where the outside one is. */
import { isLoopbackHost } from '../mail/smtp-url.ts';

export type FeedSetting =
  | { readonly name: 'simulator'; readonly seed: bigint }
  /** `history`: where trades are fetched from that did not arrive; null where people bring them in. */
  | { readonly name: 'coinbase'; readonly url: string; readonly history: string | null };

const COINBASE_URL = 'wss://ws-feed.exchange.coinbase.com';
const COINBASE_HISTORY_URL = 'https://api.exchange.coinbase.com';
const FEED = /^(simulator|coinbase)((?::[a-z]+=[\x21-\x2b\x2d-\x7e]+)*)$/;
const MEMBERS = { simulator: ['seed'], coinbase: ['url', 'history'] } as const;

/**
 * Reads `off`, or feeds separated by commas: `simulator`, `simulator:seed=42`, `coinbase`,
 * `coinbase:url=wss://…`, `coinbase:history=on` or `coinbase:history=https://…`; plain ws and http go to this machine
 * alone, for tests.
 * @errors Error with what is wrong
 */
export function parsePriceFeeds(text: string): readonly FeedSetting[] {
  if (text.trim() === 'off') {
    return [];
  }
  const feeds = text.split(',').map((part) => feedOf(part.trim()));
  if (new Set(feeds.map(({ name }) => name)).size !== feeds.length) {
    throw new Error('must give each feed once');
  }
  return feeds;
}

/** Whether a feed speaks to the outside without encryption, or is none of the outside. */
export function isSandboxFeed(feed: FeedSetting): boolean {
  return (
    feed.name === 'simulator' ||
    !feed.url.startsWith('wss:') ||
    (feed.history !== null && !feed.history.startsWith('https:'))
  );
}

function feedOf(text: string): FeedSetting {
  const [, name, rest] = FEED.exec(text) ?? [];
  if (name !== 'simulator' && name !== 'coinbase') {
    throw new Error(
      'must be off, or some of simulator, simulator:seed=42, coinbase, coinbase:url=wss://…, coinbase:history=on',
    );
  }
  const members = membersOf(name, rest ?? '');
  if (name === 'simulator') {
    const seed = members.get('seed') ?? '1';
    if (!/^\d{1,18}$/.test(seed)) {
      throw new Error('must give seed as a whole number');
    }
    return { name, seed: BigInt(seed) };
  }
  const history = members.get('history') ?? 'off';
  return {
    name,
    url: webSocketUrl(members.get('url') ?? COINBASE_URL),
    history: history === 'off' ? null : historyUrl(history === 'on' ? COINBASE_HISTORY_URL : history),
  };
}

/** An address holds colons too: a member begins where one of its names does. */
function membersOf(name: keyof typeof MEMBERS, text: string): ReadonlyMap<string, string> {
  const known: readonly string[] = MEMBERS[name];
  const members = new Map<string, string>();
  for (const part of text.split(new RegExp(`:(?=(?:${known.join('|')})=)`)).filter((each) => each !== '')) {
    const at = part.indexOf('=');
    const member = part.slice(0, at);
    if (!known.includes(member) || members.has(member)) {
      throw new Error(`must give of ${name} nothing but ${known.join(' and ')}, each once`);
    }
    members.set(member, part.slice(at + 1));
  }
  return members;
}

function webSocketUrl(text: string): string {
  const url = URL.parse(text);
  const usable = url?.protocol === 'wss:' || (url?.protocol === 'ws:' && isLoopbackHost(url.hostname));
  if (url === null || !usable || url.username !== '' || url.hash !== '') {
    throw new Error('must give url as a wss address without login');
  }
  return url.href;
}

/** @shape without a slash at its end: a path follows */
function historyUrl(text: string): string {
  const url = URL.parse(text);
  const usable = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
  if (url === null || !usable || url.username !== '' || url.hash !== '' || url.search !== '') {
    throw new Error('must give history as on, off or an https address without login');
  }
  return url.href.replace(/\/+$/, '');
}

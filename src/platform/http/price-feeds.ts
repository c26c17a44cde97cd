/** Which price feeds an installation runs, and where the outside one is. */
import { isLoopbackHost } from '../mail/smtp-url.ts';

export type FeedSetting =
  | { readonly name: 'simulator'; readonly seed: bigint }
  | { readonly name: 'coinbase'; readonly url: string };

const COINBASE_URL = 'wss://ws-feed.exchange.coinbase.com';
const FEED = /^(simulator|coinbase)(?::(seed|url)=([\x21-\x2b\x2d-\x7e]+))?$/;

/**
 * Reads `off`, or feeds separated by commas: `simulator`, `simulator:seed=42`, `coinbase`,
 * `coinbase:url=wss://…`; plain ws goes to this machine alone, for tests.
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

function feedOf(text: string): FeedSetting {
  const [, name, member, value] = FEED.exec(text) ?? [];
  if (name === 'simulator' && (member === undefined || member === 'seed')) {
    if (!/^\d{1,18}$/.test(value ?? '1')) {
      throw new Error('must give seed as a whole number');
    }
    return { name, seed: BigInt(value ?? '1') };
  }
  if (name === 'coinbase' && (member === undefined || member === 'url')) {
    return { name, url: webSocketUrl(value ?? COINBASE_URL) };
  }
  throw new Error('must be off, or some of simulator, simulator:seed=42, coinbase, coinbase:url=wss://…');
}

function webSocketUrl(text: string): string {
  const url = URL.parse(text);
  const usable = url?.protocol === 'wss:' || (url?.protocol === 'ws:' && isLoopbackHost(url.hostname));
  if (url === null || !usable || url.username !== '' || url.hash !== '') {
    throw new Error('must give url as a wss address without login');
  }
  return url.href;
}

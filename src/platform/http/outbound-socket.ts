/**
 * WebSockets of this service to others. Guarantees: wss to a name whose every address is public, or ws to
 * this machine in the sandbox; an unknown or inward address is never connected to. The name is looked up and
 * checked before each connection and once more by the runtime: between the two it is the certificate that
 * proves who answers. What fails comes back as a code.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Mode } from '../context.ts';
import { isLoopbackAddress, isPublicAddress } from './outbound-address.ts';

export type SocketFailure = 'bad_url' | 'name' | 'refused_address';

/** Opens a socket; it is not connected yet, and says so by its own events. */
export async function openSocket(
  { mode }: { readonly mode: Mode },
  address: string,
): Promise<WebSocket | SocketFailure> {
  const url = URL.parse(address);
  const plain = url?.protocol === 'ws:';
  if (url === null || (!plain && url.protocol !== 'wss:') || url.username !== '') {
    return 'bad_url';
  }
  const addresses = await addressesOf(url.hostname.replace(/^\[(.*)\]$/u, '$1'));
  if (addresses.length === 0) {
    return 'name';
  }
  const inward = mode === 'sandbox' && addresses.every(isLoopbackAddress);
  const allowed = inward || (!plain && addresses.every(isPublicAddress));
  return allowed ? new WebSocket(url.href) : 'refused_address';
}

async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) {
    return [host];
  }
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}

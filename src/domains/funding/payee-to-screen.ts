import type { Id } from '../../kernel/id.ts';
import type { Destination } from './destination.ts';

/** What is held against the lists of a destination: the holder, and a wallet's address, which a list may name. */
export function payeeToScreen(userId: Id, destination: Destination) {
  const { holderName: name } = destination;
  return destination.kind === 'crypto_wallet'
    ? {
        userId,
        name,
        identifiers: [{ type: `crypto_address:${destination.chain}`, number: destination.address }],
      }
    : { userId, name };
}

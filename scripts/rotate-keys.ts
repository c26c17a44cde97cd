/**
 * `bun run rotate-keys [--now] [--rewrap-only]`: another key for access tokens, and person and token keys
 * wrapped under the active root key. Exit code 0 when all is done, 1 when something failed, 2 on wrong use.
 */
import { countOlderWraps, rewrapKeys, rotateTokenKeys } from '../src/domains/identity/index.ts';
import type { Ctx } from '../src/platform/context.ts';
import { withSystem } from './open-system.ts';

const USAGE = `Usage: bun run rotate-keys [--now] [--rewrap-only]

Makes a new key for access tokens; it is published at once and signs an hour from now, when the old one
retires. Then wraps every person key and token key that an older root key of PLIMSOLL_KEYS wrapped under the
active one, the first of the list. It can be broken off and run again.

  --now          the old key is compromised: the new one signs at once, and no token the old one signed
                 is accepted any more, on any node, within a minute; people sign in or refresh again
  --rewrap-only  leaves the keys of access tokens as they are

Exit code: 0 all is done, 1 something failed, 2 wrong use.
`;

const OLD_ROOT_KEYS_STAY = `Keep every root key in PLIMSOLL_KEYS. Blind indexes, row MACs, cursors, refresh tokens and the house key
derive from the oldest one, the last of the list; without it this system cannot start. Older root keys also
open backups from before this run.
`;

const flags = process.argv.slice(2);
if (flags.includes('--help')) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const known = ['--now', '--rewrap-only'];
if (flags.some((flag) => !known.includes(flag)) || flags.length > 1) {
  process.stderr.write(USAGE);
  process.exit(2);
}

await withSystem('rotate-keys', async ({ ctx }) => {
  if (!flags.includes('--rewrap-only')) {
    await rotate(ctx, flags.includes('--now'));
  }
  const done = await rewrapKeys(ctx, progress);
  const left = await countOlderWraps(ctx);
  say(`Wrapped anew: ${done.person_keys} person keys, ${done.token_keys} token keys.`);
  say(`Still under an older root key: ${left.person_keys} person keys, ${left.token_keys} token keys.`);
  process.stdout.write(`\n${OLD_ROOT_KEYS_STAY}`);
  return left.person_keys + left.token_keys === 0 ? 0 : 1;
});

async function rotate(ctx: Ctx, compromised: boolean): Promise<void> {
  const { keyId, signsFrom, retired } = await rotateTokenKeys(ctx, compromised ? 'compromised' : 'command');
  say(`Key ${keyId} signs access tokens from ${signsFrom}; ${retired} keys ${endOf(compromised)}.`);
}

function endOf(compromised: boolean): string {
  return compromised ? 'no longer verify anything' : 'retire then';
}

function progress(table: string, done: number): void {
  if (process.stdout.isTTY) {
    process.stdout.write(`\r${table}: ${done}`);
    return;
  }
  say(`${table}: ${done}`);
}

function say(line: string): void {
  process.stdout.write(`${process.stdout.isTTY ? '\r' : ''}${line}\n`);
}

/**
 * `bun run seal:break-glass`: makes a new seal for the emergency login and prints its two halves, once;
 * the seal before stops working. `--status` says what there is, `--revoke` makes the seal useless. Exit
 * code 0 when done (for `--status`: when a live seal is there), 1 when not, 2 on wrong use. What to do with
 * the halves: docs/runbooks/break-glass.md.
 */
import { readNewestSeal, revokeBreakGlass, sealBreakGlass } from '../src/domains/identity/index.ts';
import { type System, withSystem } from './open-system.ts';

const VERBS: Readonly<Record<string, (system: System) => Promise<number>>> = {
  '': seal,
  '--status': status,
  '--revoke': revoke,
};

const args = process.argv.slice(2);
const verb = args.length <= 1 ? VERBS[args[0] ?? ''] : undefined;
if (verb === undefined) {
  process.stderr.write('Usage: bun run seal:break-glass [--status | --revoke]\n');
  process.exit(2);
}

await withSystem('seal:break-glass', verb);

async function seal({ ctx }: System): Promise<number> {
  const made = await sealBreakGlass(ctx);
  const before = made.replaced > 0 ? ' The seal before no longer works: destroy its envelopes.' : '';
  process.stdout.write(`The emergency login is sealed until ${made.expiresAt}.${before}

  First envelope:   ${made.firstHalf}
  Second envelope:  ${made.secondHalf}

The halves are shown this once. Write each on paper, close it in an envelope of its own, give the two to
two people who do not keep the other's, and clear this screen. In the audit log, everything done with the
emergency login bears the user ${made.userId}.
`);
  return 0;
}

async function status({ ctx }: System): Promise<number> {
  const newest = await readNewestSeal(ctx);
  if (newest === undefined) {
    process.stdout.write('There has never been a seal. Make one with: bun run seal:break-glass\n');
    return 1;
  }
  const now = ctx.deps.clock.realNow();
  const state =
    (newest.openedAt !== null && `was opened at ${newest.openedAt}`) ||
    (newest.revokedAt !== null && `was revoked at ${newest.revokedAt}`) ||
    (newest.expiresAt <= now && `expired at ${newest.expiresAt}`);
  process.stdout.write(
    state === false
      ? `A seal is live, made at ${newest.createdAt}, until ${newest.expiresAt} (user ${newest.userId}).\n`
      : `There is no live seal: the newest ${state}. Make one with: bun run seal:break-glass\n`,
  );
  return state === false ? 0 : 1;
}

async function revoke({ ctx }: System): Promise<number> {
  const revoked = await revokeBreakGlass(ctx);
  process.stdout.write(revoked ? 'The seal no longer works.\n' : 'There is no live seal.\n');
  return revoked ? 0 : 1;
}

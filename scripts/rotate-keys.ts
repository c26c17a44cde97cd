/**
 * `bun run rotate-keys`: another key for access tokens; every wrapped key under the active root key; and, on
 * demand, further data keys and what they seal encrypted again. Exit code 0 when all is done, 1 when something
 * failed or is left, 2 on wrong use.
 */
import { eq } from 'drizzle-orm';
import { countOlderWraps, rewrapKeys, rotateTokenKeys } from '../src/domains/identity/index.ts';
import { type Id, isId } from '../src/kernel/id.ts';
import type { Ctx } from '../src/platform/context.ts';
import { KeyringError } from '../src/platform/crypto/keyring.ts';
import { countToReseal, resealable } from '../src/platform/crypto/reseal.ts';
import { type RotationPlan, rotateData } from '../src/platform/crypto/rotate-data.ts';
import { wrapsInUse } from '../src/platform/crypto/wrapped-keys.ts';
import { personKeys } from '../src/platform/db/schema.ts';
import { withSystem } from './open-system.ts';
import { endAsWrongUse } from './wrong-use.ts';

const USAGE = `Usage: bun run rotate-keys [--now | --rewrap-only | --resume] [--house] [--people | --person ID]
       bun run rotate-keys --status

Makes a new key for access tokens; it is published at once and signs an hour from now, when the old one
retires. Then wraps every key that an older root key wrapped under the active one, the first of the list.
It can be broken off and run again, while servers run.

  --now          the old key of access tokens is compromised: the new one signs at once, and no token the
                 old one signed is accepted any more, on any node, within a minute
  --rewrap-only  leaves the keys of access tokens as they are
  --house        a further key for the house's own data, and that data encrypted again
  --people       a further data key for everybody, and what is sealed under theirs encrypted again
  --person ID    the same for one person
  --resume       goes on with a run that was broken off: makes no further data keys
  --status       which root keys are still needed, and what is not under the key in use; changes nothing, and
                 exits with 1 where something is left

What is evidence (audit log, screenings, bank statements) and files stay under the keys they were sealed
with, which are kept, wrapped, for as long as the person or the installation has a key.

Exit code: 0 all is done, 1 something failed or is left, 2 wrong use.
`;

const FLAGS = ['--now', '--rewrap-only', '--house', '--people', '--person', '--resume', '--status'] as const;

const flags = process.argv.slice(2);
if (flags.includes('--help')) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const person = flags[flags.indexOf('--person') + 1] ?? '';
const words = flags.filter((flag, index) => !(flags[index - 1] === '--person' && isId(flag)));
const fault = faultOf();
if (fault !== null) {
  endAsWrongUse('rotate-keys', fault, USAGE);
}

await withSystem('rotate-keys', async ({ ctx }) => {
  if (words.includes('--status')) {
    return status(ctx);
  }
  const plan = planOf();
  if (plan.people !== null && plan.people !== 'everybody') {
    await requireKey(ctx, plan.people);
  }
  if (!words.includes('--rewrap-only') && !words.includes('--resume')) {
    await rotate(ctx, words.includes('--now'));
  }
  let complete = true;
  if (plan.house || plan.people !== null) {
    const begunMs = performance.now();
    const { resealed, unreadable, left } = await rotateData(ctx, plan, progress);
    const seconds = Math.max((performance.now() - begunMs) / 1000, 0.001);
    say(
      `Encrypted again: ${resealed} values in ${seconds.toFixed(0)} s; ${left} left, ${unreadable} of them unreadable.`,
    );
    complete = left === 0;
  }
  const done = await rewrapKeys(ctx, (table, count) => progress(table, count, null));
  const older = await countOlderWraps(ctx);
  for (const [table, count] of Object.entries(done)) {
    say(`${table}: ${count} wrapped anew.`);
  }
  await tellRootKeys(ctx);
  return complete && Object.values(older).every((count) => count === 0) ? 0 : 1;
});

function faultOf(): string | null {
  const unknown = words.find((word) => !FLAGS.some((flag) => flag === word));
  if (words.includes('--person') && !isId(person)) {
    return '--person needs the id of a person';
  }
  if (unknown !== undefined) {
    return `${unknown} is no flag`;
  }
  if (new Set(words).size !== words.length) {
    return 'a flag is given twice';
  }
  // With --now an incident is being ended: it must not pass for done where another flag leaves the token keys.
  const apart = [
    ['--now', '--rewrap-only'],
    ['--now', '--resume'],
    ['--people', '--person'],
  ].find((pair) => pair.every((flag) => words.includes(flag)));
  if (apart !== undefined) {
    return `${apart.join(' and ')} exclude each other`;
  }
  return words.includes('--status') && words.length > 1 ? '--status stands alone' : null;
}

function planOf(): RotationPlan {
  const resume = words.includes('--resume');
  const people = words.includes('--person') ? (person as Id) : 'everybody';
  const some = words.includes('--people') || words.includes('--person');
  const nothing = !some && !words.includes('--house');
  return {
    house: words.includes('--house') || (resume && nothing),
    people: some || (resume && nothing) ? people : null,
    resume,
  };
}

/** A mistyped id would otherwise pass for a person whose keys were exchanged. */
async function requireKey(ctx: Ctx, userId: Id): Promise<void> {
  if ((await ctx.deps.db.engine.$count(personKeys, eq(personKeys.userId, userId))) === 0) {
    throw new KeyringError(
      `nobody with the id ${userId} has a key: it is mistyped, or the person was erased`,
    );
  }
}

async function rotate(ctx: Ctx, compromised: boolean): Promise<void> {
  const { keyId, signsFrom, retired } = await rotateTokenKeys(ctx, compromised ? 'compromised' : 'command');
  say(`Key ${keyId} signs access tokens from ${signsFrom}; ${retired} keys ${endOf(compromised)}.`);
}

function endOf(compromised: boolean): string {
  return compromised ? 'no longer verify anything' : 'retire then';
}

async function status(ctx: Ctx): Promise<number> {
  await tellRootKeys(ctx);
  let left = Object.values(await countOlderWraps(ctx)).reduce((sum, count) => sum + count, 0);
  for (const column of resealable(ctx.deps.sealedColumns)) {
    const count = await countToReseal(ctx, column);
    left += count;
    say(`${column.table}.${column.column}: ${count} not under the key in use`);
  }
  return left === 0 ? 0 : 1;
}

/** A root key that wraps nothing can go; the newest stays, and so do those that old backups need. */
async function tellRootKeys(ctx: Ctx): Promise<void> {
  const used = await wrapsInUse(ctx.deps);
  ctx.deps.keyring.wrapKeyIds.forEach((keyId, index) => {
    const rows = used.filter((wrap) => wrap.keyId === keyId).reduce((sum, wrap) => sum + wrap.count, 0);
    const verdict = index === 0 ? 'active' : rows === 0 ? 'may be removed' : 'still needed';
    say(`Root key ${index + 1} of the list (${keyId}): wraps ${rows} keys, ${verdict}.`);
  });
  say('A root key that a kept backup was written under must be kept as long as the backup.');
}

function progress(step: string, done: number, total: number | null): void {
  const line = total === null ? `${step}: ${done}` : `${step}: ${done} of ${total}`;
  if (process.stdout.isTTY) {
    process.stdout.write(`\r${line}   `);
    return;
  }
  say(line);
}

function say(line: string): void {
  process.stdout.write(`${process.stdout.isTTY ? '\r' : ''}${line}\n`);
}

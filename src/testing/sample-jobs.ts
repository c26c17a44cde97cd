/** Jobs for the tests of the thread that jobs run in, and what it is composed of there. */

import { buildDeps } from '../deps.ts';
import { revocations } from '../domains/identity/index.ts';
import type { Id } from '../kernel/id.ts';
import { raiseAlarm } from '../platform/alarms/raise-alarm.ts';
import { auditEvents } from '../platform/audit/events.ts';
import { record } from '../platform/audit/record.ts';
import type { Ctx } from '../platform/context.ts';
import { keyIdText } from '../platform/crypto/keyring.ts';
import { personKeys } from '../platform/db/schema.ts';
import { transact } from '../platform/db/transact.ts';
import type { Job } from '../platform/domain.ts';
import type { ApartMaker } from '../platform/jobs/serve-apart.ts';
import { recoveryOf } from '../platform/recovery/mode.ts';

const SAMPLE_EVENTS = auditEvents({
  'sample.told': {
    category: 'system',
    severity: 'info',
    description: 'A job told what it sees',
    shows: ['now', 'realNow', 'houseKeyId', 'keysFound', 'isInRecovery', 'isEnding', 'mailTaken'],
  },
  'sample.alarm': {
    category: 'system',
    severity: 'critical',
    description: 'A job raised an alarm',
    shows: [],
  },
});

const never = '0 0 29 2 *';

/** Those whose keys were there at the first look. */
let people: readonly Id[] | undefined;

const JOBS: { readonly [name: string]: Job['run'] } = {
  look: (ctx) => tell(ctx, false),
  fail: async () => {
    throw new RangeError('the customer’s name');
  },
  die: async () => process.exit(9),
  'fail-aside': async () => {
    setTimeout(() => {
      throw new RangeError('the customer’s name');
    }, 0);
    await new Promise(() => {});
  },
  spin: async () => {
    for (;;) {}
  },
  stay: () => new Promise(() => {}),
  'look-until-ending': async (ctx, ending) => {
    while (ending?.aborted !== true) {
      await tell(ctx, false);
      await Bun.sleep(50);
    }
    await tell(ctx, true);
  },
  alarm: async (ctx) => {
    ctx.deps.log.warn({ job: 'test.alarm', name: 'the customer’s' }, 'a word of the thread');
    await transact(ctx, 'engine', (tx) =>
      raiseAlarm(tx, ctx, {
        event: SAMPLE_EVENTS['sample.alarm'],
        resource: { type: 'sample', id: ctx.requestId },
        subjectUserId: null,
      }),
    );
  },
  post: async (ctx) => {
    const mail = { to: 'somebody@example.mu', subject: 'A notice', text: 'It is due.' };
    await tell(ctx, false, { mailTaken: await ctx.deps.mail.deliver(mail) });
  },
};

/** Each does something of its own, whenever it is asked for. */
export const sampleJobs: readonly Job[] = Object.entries(JOBS).map(([name, run]) => ({
  name: `test.${name}`,
  cron: never,
  isApart: true,
  run,
}));

/** What the thread of these jobs is made of. */
export const sampleMaker: ApartMaker = {
  jobs: sampleJobs,
  build: (parts, ties) =>
    buildDeps({ ...parts, ...ties, pools: { app: 1, staff: 1, engine: 2 }, domains: [] }),
  follow: revocations,
};

async function tell(ctx: Ctx, isEnding: boolean, more: object = {}): Promise<void> {
  const { clock, keyring, personKeys: keys } = ctx.deps;
  await transact(ctx, 'engine', async (tx) => {
    people ??= (await tx.select({ id: personKeys.userId }).from(personKeys)).map(({ id }) => id);
    const after = {
      now: clock.now(),
      realNow: clock.realNow(),
      houseKeyId: keyIdText(keyring.house.id),
      keysFound: (await keys.ofMany(tx, people)).size,
      isInRecovery: recoveryOf(ctx.deps) !== null,
      isEnding,
      ...more,
    };
    const resource = { type: 'sample', id: ctx.requestId };
    await record(tx, ctx, { event: SAMPLE_EVENTS['sample.told'], resource, subjectUserId: null, after });
  });
}

import { and, eq } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { raiseAlarm } from '../../platform/alarms/raise-alarm.ts';
import { record } from '../../platform/audit/record.ts';
import { type Ctx, type Deps, perDeps } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { ACCESS_TOKEN_SECONDS } from './access-tokens.ts';
import { notifyAdmins } from './admin-people.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { refuseIdentity } from './errors.ts';
import { inEvenTime } from './even-time.ts';
import {
  accessTokenOf,
  noteSecondFactor,
  type OpenedSession,
  openSession,
  type Tokens,
  tokensOf,
} from './open-session.ts';
import { breakGlassSeals } from './schema.ts';
import {
  findSeal,
  isLiveSeal,
  knowsHalf,
  SEAL_LOCK,
  SEALED_SESSION_MS,
  type SealHalves,
} from './sealed-login.ts';
import { signedIn } from './signed-in.ts';

export type BreakGlassInput = SealHalves & { readonly reason: string };

/** How often one node calls people out for halves that open nothing. @units milliseconds */
const ALARM_EVERY_MS = 60_000;

/** @units milliseconds */
const REFUSAL_STEP_MS = 100;

/**
 * Opens the emergency login with both halves of its seal, which is burnt: one session of an hour, which
 * counts as proved by a second factor at this moment.
 * @effects rows of `break_glass_seals` and `sessions`; audit `session.opened`; the alarm
 *   `break_glass.opened`, or where one half was real `break_glass.refused`, at most once a minute; a notice
 *   to each admin
 * @errors seal_refused
 */
export async function openBreakGlass(ctx: Ctx, input: BreakGlassInput): Promise<Tokens> {
  const startedMs = ctx.deps.clock.realMs();
  const session = await transact(ctx, 'engine', (tx) => burnSeal(tx, ctx, input));
  if (session === undefined) {
    return refuseHalves(ctx, input, startedMs);
  }
  return tokensOf(ctx.deps, session, ['admin']);
}

/**
 * Proves within the emergency session that both halves are still there, for what asks for a fresh factor.
 * @effects `sessions.mfa_at`; audit `session.stepped_up`, or the alarm as `openBreakGlass`
 * @errors seal_refused
 */
export async function stepUpBreakGlass(ctx: Ctx, halves: SealHalves): Promise<Omit<Tokens, 'refreshToken'>> {
  const startedMs = ctx.deps.clock.realMs();
  const { userId, sessionId } = signedIn(ctx);
  const session = await transact(ctx, 'engine', async (tx) => {
    const seal = await findSeal(tx, halves);
    if (seal === undefined || seal.sessionId !== sessionId) {
      return undefined;
    }
    const proven = await noteSecondFactor(tx, ctx, sessionId, 'break_glass');
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['session.stepped_up'],
      resource: { type: 'session', id: sessionId },
      subjectUserId: userId,
      after: { secondFactor: true, methods: proven.methods },
    });
    return proven;
  });
  if (session === undefined) {
    return refuseHalves(ctx, halves, startedMs);
  }
  const roles = 'roles' in ctx.actor ? ctx.actor.roles : [];
  return {
    accessToken: await accessTokenOf(ctx.deps, session, roles),
    expiresIn: ACCESS_TOKEN_SECONDS,
    tokenType: 'Bearer',
  };
}

async function burnSeal(tx: Tx, ctx: Ctx, input: BreakGlassInput): Promise<OpenedSession | undefined> {
  await lockExclusive(tx, [SEAL_LOCK]);
  const seal = await findSeal(tx, input);
  if (seal === undefined || !(await isLive(tx, ctx, seal.id))) {
    return undefined;
  }
  const session = await openSession(tx, ctx, seal.userId, {
    methods: ['break_glass'],
    secondFactor: true,
    absoluteMs: SEALED_SESSION_MS,
  });
  await tx
    .update(breakGlassSeals)
    .set({ openedAt: ctx.deps.clock.realNow(), sessionId: session.id })
    .where(eq(breakGlassSeals.id, seal.id));
  await raiseAlarm(tx, ctx, {
    event: IDENTITY_EVENTS['break_glass.opened'],
    resource: { type: 'seal', id: seal.id },
    subjectUserId: seal.userId,
    after: { sessionId: session.id, reason: input.reason },
  });
  await notifyAdmins(tx, ctx, 'break_glass_opened');
  return session;
}

async function isLive(tx: Tx, ctx: Ctx, sealId: Id): Promise<boolean> {
  const live = and(eq(breakGlassSeals.id, sealId), isLiveSeal(ctx));
  return (await tx.$count(breakGlassSeals, live)) > 0;
}

const lastAlarm = perDeps((_deps: Deps) => ({ atMs: Number.NEGATIVE_INFINITY }));

/**
 * One refusal for every fault, in content and time. People are called out only where somebody holds an
 * envelope, and not each time; what a stranger makes up is counted in the audit log as any refusal is.
 */
async function refuseHalves(ctx: Ctx, halves: SealHalves, startedMs: number): Promise<never> {
  return inEvenTime(ctx.deps.clock, REFUSAL_STEP_MS, startedMs, async () => {
    await transact(ctx, 'engine', async (tx) => {
      if ((await knowsHalf(tx, halves)) && isAlarmDue(ctx.deps)) {
        await raiseAlarm(tx, ctx, {
          event: IDENTITY_EVENTS['break_glass.refused'],
          resource: { type: 'seal', id: newId() },
          subjectUserId: null,
        });
      }
    });
    throw refuseIdentity('seal_refused');
  });
}

function isAlarmDue(deps: Deps): boolean {
  const last = lastAlarm(deps);
  const due = deps.clock.realMs() - last.atMs >= ALARM_EVERY_MS;
  if (due) {
    last.atMs = deps.clock.realMs();
  }
  return due;
}

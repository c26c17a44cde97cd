import { and, eq, gt, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Consumer } from '../../../platform/outbox/consumer.ts';
import { AML_EVENTS } from '../audit.ts';
import { lockedGate, screenLocked } from '../screen.ts';
import { refreshScreener } from '../screener.ts';
import { riskCycleOf } from '../screening/risk-cycle.ts';
import { CYCLE_DAYS } from '../screening/standings.ts';
import { beginRun } from './runs.ts';
import { screeningStandings } from './schema.ts';

/** Begins to hold everybody against what became active; the job does the work. */
export const followLists: Consumer = {
  name: 'aml.follow_lists',
  types: ['aml.list_activated', 'aml.screening_config_activated'],
  handle: async (ctx, event) => {
    const cause = event.type === 'aml.list_activated' ? 'list_change' : 'config_change';
    await transact(ctx, 'engine', (tx) => beginRun(tx, ctx, cause, false));
  },
};

/** What lists name people by; a change of anything else cannot change what is found. */
const SCREENED_MEMBERS: readonly string[] = ['firstName', 'lastName', 'birthDate', 'nationality', 'gender'];

/** Screens whoever changed what lists name people by, if they were ever screened. */
export const followProfiles: Consumer = {
  name: 'aml.follow_profiles',
  types: ['identity.profile_changed'],
  handle: async (ctx, event) => {
    const { members } = event.data;
    if (Array.isArray(members) && members.some((member) => SCREENED_MEMBERS.includes(String(member)))) {
      await screenChanged(ctx, present(event.userId, 'a profile belongs to a person'));
    }
  },
};

/** Brings forward when somebody is due whose risk rose: what low risk allowed them to wait is no longer theirs. */
export const followRisk: Consumer = {
  name: 'aml.follow_risk',
  types: ['kyc.risk_changed'],
  handle: async (ctx, event) => {
    const userId = present(event.userId, 'a risk is somebody’s');
    await transact(ctx, 'engine', (tx) => bringForward(tx, ctx, userId));
  },
};

/** In one statement: a run that looks at them meanwhile either comes first or finds that it has to look again. */
async function bringForward(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  const days = CYCLE_DAYS[await riskCycleOf(tx, userId)];
  const dueAt = sql`${screeningStandings.checkedAt} + make_interval(hours => ${24 * days}::int)`;
  const [after] = await tx
    .update(screeningStandings)
    .set({ nextDueAt: dueAt, version: sql`${screeningStandings.version} + 1` })
    .where(and(eq(screeningStandings.userId, userId), gt(screeningStandings.nextDueAt, dueAt)))
    .returning();
  if (after !== undefined) {
    await record(tx, ctx, {
      event: AML_EVENTS['screening_standing.brought_forward'],
      resource: { type: 'screening_standing', id: userId },
      subjectUserId: userId,
      after,
    });
  }
}

async function screenChanged(ctx: Ctx, userId: Id): Promise<void> {
  await refreshScreener(ctx);
  await transact(ctx, 'engine', async (tx) => {
    const gate = await lockedGate(tx, userId);
    const [standing] = await tx
      .select({ userId: screeningStandings.userId })
      .from(screeningStandings)
      .where(eq(screeningStandings.userId, userId));
    const isErased = (await ctx.deps.personKeys.find(tx, userId)) === undefined;
    if (!isErased && (standing !== undefined || gate.screening !== 'none')) {
      await screenLocked(tx, ctx, gate, 'profile_change');
    }
  });
}

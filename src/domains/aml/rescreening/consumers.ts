import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Consumer } from '../../../platform/outbox/consumer.ts';
import { lockedGate, screenLocked } from '../screen.ts';
import { refreshScreener } from '../screener.ts';
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

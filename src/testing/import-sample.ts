import { eq } from 'drizzle-orm';
import { bankStatements } from '../domains/funding/evidence/schema.ts';
import { fundingDomain } from '../domains/funding/index.ts';
import { camt053, nextOpening, type SampleEntry } from '../domains/funding/testing/camt-sample.ts';
import { REASON } from './drivers/driver.ts';
import type { Answer } from './send.ts';
import type { World } from './world.ts';

/** Takes a statement of these entries; nobody has confirmed it yet. */
export async function takeSample(world: World, entries: readonly SampleEntry[]): Promise<Answer> {
  const opening = await nextOpening(world.deps);
  const body = new Uint8Array(Buffer.from(camt053({ entries, opening }), 'utf8'));
  const headers = { 'content-type': 'application/xml' };
  return world.call('importBankStatement', { as: world.people.operations, body, headers });
}

/** The same, confirmed by a second person and booked. @shape the answer to reading it */
export async function importSample(world: World, entries: readonly SampleEntry[]): Promise<Answer> {
  const taken = await takeSample(world, entries);
  if (taken.status !== 201) {
    return taken;
  }
  // Those that others took count first.
  const waiting = await world.deps.db.engine
    .select()
    .from(bankStatements)
    .where(eq(bankStatements.standing, 'waiting'))
    .orderBy(bankStatements.id);
  for (const { confirmationId } of waiting) {
    const params = { id: confirmationId ?? '' };
    const vote = await world.call('approveApproval', { as: world.second.operations, params, body: REASON });
    if (vote.status !== 200) {
      return vote;
    }
  }
  await fundingDomain.jobs?.find(({ name }) => name === 'funding.book-statements')?.run(world.system);
  return world.call('getBankStatement', { as: world.people.operations, params: { id: taken.body.id } });
}

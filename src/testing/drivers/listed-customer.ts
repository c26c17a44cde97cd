import type { World } from '../world.ts';
import { done, first } from './driver.ts';

/** The name on the fictional list. */
export const LISTED = ['Balthazar Quill', 'Ferrington'] as const;

/** The alert on a new customer who has the name on the fictional list. */
export async function alertOf(world: World): Promise<{ readonly id: string; readonly screeningId: string }> {
  const { userId } = await world.newMember({ name: LISTED });
  const as = world.people.compliance_officer;
  const { id: screeningId } = await done(world.call('createScreening', { as, body: { userId } }));
  const { data } = await done(world.call('listAmlAlerts', { as }));
  const mine = data.filter((alert: { userId: string }) => alert.userId === userId);
  return { id: first<{ id: string }>(mine).id, screeningId };
}

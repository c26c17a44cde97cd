import { present } from '../../kernel/assert.ts';
import type { Answer } from '../send.ts';
import type { World } from '../world.ts';

/** Brings one operation to success once, with everything that has to be there before. */
export type Driver = (world: World) => Promise<Answer>;

export type Drivers = Readonly<Record<string, Driver>>;

export const REASON = { reason: 'Looked at it' };

/** The body of a step that must succeed for the driven one to be possible. */
export async function done(step: Promise<Answer>): Promise<Answer['body']> {
  const answer = await step;
  if (answer.status >= 300) {
    throw new Error(`a step before the driven operation failed: ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}

/** The first row of a listing that must have one. */
export function first<Row>(rows: readonly Row[]): Row {
  return present(rows[0], 'the listing has a row');
}

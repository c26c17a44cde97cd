/** A listing that can be narrowed to a time. */
import { instantInput } from './wire.ts';

/** The query members. @units `verb`: what happened to a row at the time it is found by, as in `Booked` */
export function periodQuery(verb: string) {
  return {
    from: instantInput.optional().openapi({ description: `${verb} then or later` }),
    to: instantInput.optional().openapi({ description: `${verb} before then` }),
  };
}

type Period = { readonly from?: string | undefined; readonly to?: string | undefined };

/** Whether a time ends after it begins. */
export function isForwards({ from, to }: Period): boolean {
  return from === undefined || to === undefined || from < to;
}

export const FORWARDS = { path: ['to'], error: 'must be later than from' };

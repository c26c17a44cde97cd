/**
 * Who may see what of the evidence. Pure. Restricted rows (no tipping off) and the personal part are
 * for those whose office it is; an administrator sees that something was done, not from where.
 */
import { type Actor, hasRole, type Role } from '../../kernel/actor.ts';

/** Those who may see all evidence, export and prove it. */
export const EXAMINERS = ['auditor', 'compliance_officer', 'mlro'] as const satisfies readonly Role[];

/** Those who may search the log at all. */
export const READERS = [...EXAMINERS, 'admin'] as const satisfies readonly Role[];

export type Sight = {
  /** Rows of class restricted. */
  readonly restricted: boolean;
  /** IP address and user agent. */
  readonly personal: boolean;
};

/** What a reader of the log may see of it. */
export function sightOf(actor: Actor): Sight {
  const examiner = hasRole(actor, ...EXAMINERS);
  return { restricted: examiner, personal: examiner };
}

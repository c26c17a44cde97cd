/**
 * What an approval does once its quorum is reached. The domain that owns the action registers it;
 * the platform knows only its name. It runs in the transaction of the last vote, so that a decision
 * and its effect cannot part.
 */
import { assert, present } from '../../kernel/assert.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../context.ts';

export type ApprovedAction = {
  readonly approvalId: Id;
  readonly subjectId: Id;
  readonly payload: { readonly [key: string]: Json };
  readonly makerId: Id;
  readonly checkerIds: readonly Id[];
};

export type ApprovalAction = {
  /** `entity.verb`, as in `deposit.clear`. */
  readonly action: string;
  /** It may take effect, and be refused, while the installation is in recovery. */
  readonly inRecovery?: true;
  /**
   * That it was asked for is known to nobody but its checkers and examiners, and never to the person it is
   * about (no tipping off).
   */
  readonly restricted?: true;
  /** Refuses a person who may not decide on it, whichever way; asked before each vote. @errors self_approval */
  readonly refuseVoter?: (ctx: Ctx, asked: ApprovedAction, voterId: Id) => Promise<void>;
  /** @errors DomainError when the state no longer allows it: the vote rolls back with it */
  readonly execute: (ctx: Ctx, approved: ApprovedAction) => Promise<void>;
  /** Runs when a checker rejects or the approval expires. */
  readonly refused?: (ctx: Ctx, approved: ApprovedAction, reason: string) => Promise<void>;
};

export type ApprovalActions = {
  readonly register: (action: ApprovalAction) => void;
  readonly of: (action: string) => ApprovalAction;
  readonly isRestricted: (action: string) => boolean;
  /** The names of all that are. */
  readonly restricted: () => readonly string[];
};

/** An empty registry; the application fills it once, before it serves. */
export function approvalActions(): ApprovalActions {
  const actions = new Map<string, ApprovalAction>();
  return {
    register: (action) => {
      assert(!actions.has(action.action), `the approval action ${action.action} is registered once`);
      actions.set(action.action, action);
    },
    of: (action) => present(actions.get(action), `the approval action ${action} is registered`),
    isRestricted: (action) => actions.get(action)?.restricted === true,
    restricted: () =>
      [...actions.values()].filter(({ restricted }) => restricted).map(({ action }) => action),
  };
}

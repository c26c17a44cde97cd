import { eq } from 'drizzle-orm';
import { personOf, type Role } from '../../kernel/actor.ts';
import { assert, present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { ACTIVATE_KEY, activationPayload } from './activate-api-key.ts';
import { ANY_SCOPE, type ApiKeyMode, isScope } from './api-key-format.ts';
import { judgeKey } from './api-key-rules.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { refuseIdentity } from './errors.ts';
import { type IssuedApiKey, issueApiKey, lockKeysOf } from './issue-api-key.ts';
import { notifyUser } from './notify-user.ts';
import { users } from './schema.ts';
import { rolesColumn } from './session-state.ts';

export type NewApiKey = {
  readonly userId: Id;
  readonly name: string;
  readonly scopes: readonly string[];
  /** `test` in the sandbox and `live` elsewhere, unless given. */
  readonly mode?: ApiKeyMode | undefined;
  /** Networks the key may be used from; none means everywhere. */
  readonly allowedCidrs?: readonly string[] | undefined;
  readonly expiresAt?: Instant | undefined;
  /** Ed25519; where there is one, every request must be signed. @shape 32 bytes */
  readonly signingPublicKey?: Uint8Array | undefined;
};

/**
 * Makes an API key; its text is answered this once and never stored. A service key (of staff, or one
 * that moves money) is refused everywhere until another admin has approved it.
 * @effects one row of `api_keys`, perhaps one of `approvals`; audit `api_key.created`; a mail
 * @errors scope_unknown, scope_not_allowed, key_expired_already, service_key_expiry_required,
 *   service_key_networks_required, api_key_limit_reached
 */
export async function createApiKey(ctx: Ctx, input: NewApiKey): Promise<IssuedApiKey> {
  const sandbox = ctx.deps.mode === 'sandbox';
  if (!input.scopes.every((scope) => isScope(scope) || (sandbox && scope === ANY_SCOPE))) {
    throw refuseIdentity('scope_unknown');
  }
  return transact(ctx, 'engine', async (tx) => {
    await lockKeysOf(tx, ctx, input.userId);
    const ownerRoles = await rolesOf(tx, input.userId);
    const service = isService(ctx, input, ownerRoles);
    const now = ctx.deps.clock.realNow();
    const terms = {
      id: newId(),
      userId: input.userId,
      name: input.name,
      mode: input.mode ?? (sandbox ? ('test' as const) : ('live' as const)),
      scopes: [...new Set(input.scopes)].sort(),
      allowedCidrs: [...(input.allowedCidrs ?? [])],
      expiresAt: input.expiresAt ?? null,
      signingKey: input.signingPublicKey ?? null,
      service,
      activatedAt: service ? null : now,
    };
    const approval = service
      ? await requestApproval(tx, ctx, {
          action: ACTIVATE_KEY,
          subjectType: 'api_key',
          subjectId: terms.id,
          subjectUserId: input.userId,
          payload: activationPayload(terms, ownerRoles),
          quorum: 1,
          checkerRoles: ['admin'],
          reason: 'A service key was asked for',
        })
      : null;
    const issued = await issueApiKey(tx, ctx, { ...terms, approvalId: approval?.id ?? null });
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['api_key.created'],
      resource: { type: 'api_key', id: terms.id },
      subjectUserId: input.userId,
      after: { ...issued.apiKey, signed: terms.signingKey !== null },
    });
    await notifyUser(tx, ctx, input.userId, 'api_key_created');
    return issued;
  });
}

/** The seed makes plain keys for whomever it likes, in the sandbox; they act as staff only with every scope. */
function isService(ctx: Ctx, input: NewApiKey, ownerRoles: readonly Role[]): boolean {
  const maker = personOf(ctx.actor);
  if (maker === null) {
    assert(ctx.deps.mode === 'sandbox', 'outside the sandbox keys are made by people');
    return false;
  }
  assert(maker === input.userId, 'a key is made by its owner');
  const judged = judgeKey({
    ownerRoles,
    scopes: input.scopes.filter(isScope),
    allowedCidrs: input.allowedCidrs ?? [],
    expiresAt: input.expiresAt ?? null,
    now: ctx.deps.clock.realNow(),
    mode: ctx.deps.mode,
  });
  if ('refused' in judged) {
    throw refuseIdentity(judged.refused);
  }
  return judged.service;
}

async function rolesOf(tx: Tx, userId: Id): Promise<readonly Role[]> {
  const [row] = await tx.select({ roles: rolesColumn }).from(users).where(eq(users.id, userId));
  return present(row, 'the owner of a key is a user').roles;
}

import { eq } from 'drizzle-orm';
import { hasRole, personOf, type Role } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Login, Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import type { PersonalData, PersonalPage, PersonalSection } from '../../platform/domain.ts';
import { STEP_UP_MS } from '../../platform/http/authorise.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { toWire } from '../../platform/http/wire.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import type { Purpose } from './purposes.ts';
import { recordReads } from './record-reads.ts';
import { users } from './schema.ts';
import { hasSecondFactor } from './second-factor.ts';

type StatedPurpose = { readonly [Member in keyof Purpose]?: Purpose[Member] | undefined };

/** Staff who may export what is held on others, restricted parts included. */
export const EXPORTERS = ['compliance_officer', 'mlro'] as const satisfies readonly Role[];

/**
 * Everything held on a person, as JSON text in parts: each part is read in a transaction of its own when it
 * is asked for, so that neither memory nor a transaction grows with the person's history. People export
 * themselves; what is restricted is then left out, as if there were none (no tipping off). Whoever has a
 * second factor shows it first: a stolen session must not carry everything away.
 * @shape one JSON object whose last member `complete` is true; without it something failed on the way
 * @effects audit `user.own_data_exported`, or `user.exported` and perhaps the alarm `access.bulk_read`
 * @errors not_found, step_up_required
 */
export async function exportPerson(
  ctx: Ctx,
  userId: Id,
  purpose: StatedPurpose,
): Promise<AsyncGenerator<string>> {
  const own = personOf(ctx.actor) === userId;
  const pieces = ctx.deps.privacy.personalData.filter((piece) => !own || piece.restricted !== true);
  if (own) {
    await requireOwnFactor(ctx, userId);
    await transact(ctx, 'app', (tx) => recordOwn(tx, ctx, userId, pieces));
  } else {
    await admitExporter(ctx, userId, purpose, pieces);
  }
  return textOf(ctx, userId, own, pieces);
}

/** People without a second factor export themselves with their sign-in alone. */
async function requireOwnFactor(ctx: Ctx, userId: Id): Promise<void> {
  if (isFactorStale(ctx) && (await transact(ctx, 'engine', (tx) => hasSecondFactor(tx, userId)))) {
    throw refuse('step_up_required');
  }
}

function isFactorStale(ctx: Ctx): boolean {
  const provedAtMs = 'mfaAtMs' in ctx.actor ? ctx.actor.mfaAtMs : null;
  return provedAtMs === null || ctx.deps.clock.realMs() - provedAtMs > STEP_UP_MS;
}

async function recordOwn(tx: Tx, ctx: Ctx, userId: Id, pieces: readonly PersonalData[]): Promise<void> {
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['user.own_data_exported'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    after: { pieces: pieces.map((piece) => piece.name) },
  });
}

async function admitExporter(
  ctx: Ctx,
  userId: Id,
  // An export is what a person has a right to: unless staff say otherwise, that is why they made it.
  { purpose = 'customer_request', reason }: StatedPurpose,
  pieces: readonly PersonalData[],
): Promise<void> {
  if (!hasRole(ctx.actor, ...EXPORTERS)) {
    throw refuse('not_found');
  }
  if (isFactorStale(ctx)) {
    throw refuse('step_up_required');
  }
  await transact(ctx, 'staff', async (tx) => {
    const [user] = await tx.select({ id: users.id }).from(users).where(eq(users.id, userId));
    if (user === undefined) {
      throw refuse('not_found');
    }
    await recordReads(tx, ctx, [
      {
        event: IDENTITY_EVENTS['user.exported'],
        resource: { type: 'user', id: userId },
        subjectUserId: userId,
        after: { purpose, reason, pieces: pieces.map((piece) => piece.name) },
      },
    ]);
  });
}

async function* textOf(
  ctx: Ctx,
  userId: Id,
  own: boolean,
  pieces: readonly PersonalData[],
): AsyncGenerator<string> {
  const head = {
    format: 'plimsoll-data-export/1',
    userId,
    exportedAt: ctx.deps.clock.now(),
    // Staff pass exports on: what must come out first is said in the file itself.
    ...(own ? {} : { restricted: pieces.filter((piece) => piece.restricted === true).map(nameOf) }),
  };
  yield `${JSON.stringify(head).slice(0, -1)},"data":{`;
  for (const [index, piece] of pieces.entries()) {
    yield `${index === 0 ? '' : ','}${JSON.stringify(piece.name)}:{`;
    const login: Login = own && piece.internal !== true ? 'app' : 'engine';
    for (const [place, [name, section]] of Object.entries(piece.sections).entries()) {
      yield `${place === 0 ? '' : ','}${JSON.stringify(name)}:[`;
      yield* rowsOf(ctx, login, userId, section);
      yield ']';
    }
    yield '}';
  }
  yield '},"complete":true}';
}

function nameOf({ name }: PersonalData): string {
  return name;
}

async function* rowsOf(ctx: Ctx, login: Login, userId: Id, section: PersonalSection): AsyncGenerator<string> {
  let after: readonly string[] | null = null;
  let first = true;
  do {
    const at: readonly string[] | null = after;
    const page: PersonalPage = await transact(ctx, login, (tx) => section(tx, ctx, userId, at));
    if (page.rows.length > 0) {
      yield `${first ? '' : ','}${page.rows.map((row) => JSON.stringify(toWire(row))).join(',')}`;
      first = false;
    }
    after = page.next;
  } while (after !== null);
}

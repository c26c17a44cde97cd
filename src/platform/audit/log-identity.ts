/**
 * The name of this database's audit log and the keys that signed it, newest first, kept where every
 * node can read them: nodes without the signing key verify with these.
 */
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { lockExclusive } from '../db/locks.ts';
import { systemMarks } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { type NoteVerifier, parseVerifierKey } from './checkpoint.ts';
import type { EarlierOrigin } from './export-format.ts';
import { LOG_EVENTS } from './log-events.ts';
import { record } from './record.ts';

const MARK = 'audit_log';

const Identity = z.looseObject({
  origin: z.string(),
  verifierKeys: z.array(z.string()).min(1),
  origins: z.array(z.looseObject({ origin: z.string(), untilSize: z.number().int() })).default([]),
});

/** `verifierKeys` are C2SP verifier keys, the current one first. */
export type LogIdentity = z.infer<typeof Identity>;

export class LogIdentityError extends Error {
  override readonly name = 'LogIdentityError';
}

/** The log's identity; undefined before the first sealer started. */
export async function readIdentity(tx: Tx): Promise<LogIdentity | undefined> {
  const [mark] = await tx.select().from(systemMarks).where(eq(systemMarks.name, MARK));
  return mark === undefined ? undefined : Identity.parse(mark.value);
}

/** Whether a checkpoint of so many rows may bear this name: the log's own, or one it bore when it was that small. */
export function bears(identity: LogIdentity, origin: string, size: number): boolean {
  const earlier = identity.origins.some((past) => past.origin === origin && size <= past.untilSize);
  return identity.origin === origin || earlier;
}

/** The names the log bore before, as a file that leaves the house tells them. */
export function earlierOrigins({ origins }: LogIdentity): readonly EarlierOrigin[] {
  return origins.map(({ origin, untilSize }) => ({ origin, untilSize }));
}

/** Every key the log was ever signed with, for checking its checkpoints. */
export function verifiersOf(identity: LogIdentity): readonly NoteVerifier[] {
  return identity.verifierKeys.map(parseVerifierKey);
}

/**
 * Claims the log for a signing key. A log keeps its name for good; its key may change.
 * @effects perhaps one row of `system_marks`; audit `audit_log.key_changed`
 * @errors LogIdentityError when the database's log has another name
 */
export async function claimIdentity(ctx: Ctx, origin: string, verifierKey: string): Promise<LogIdentity> {
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`mark:${MARK}`]);
    const known = await readIdentity(tx);
    if (known !== undefined && known.origin !== origin) {
      throw new LogIdentityError(
        `The audit log of this database is called ${known.origin}; PLIMSOLL_LOG_ORIGIN says ${origin}. A log keeps its name: set PLIMSOLL_LOG_ORIGIN=${known.origin}, or start a new database.`,
      );
    }
    if (known?.verifierKeys[0] === verifierKey) {
      return known;
    }
    const earlier = (known?.verifierKeys ?? []).filter((key) => key !== verifierKey);
    const identity = { origins: [], ...known, origin, verifierKeys: [verifierKey, ...earlier] };
    const markedAt = ctx.deps.clock.realNow();
    await tx
      .insert(systemMarks)
      .values({ name: MARK, value: identity, markedAt })
      .onConflictDoUpdate({ target: systemMarks.name, set: { value: identity, markedAt } });
    if (known !== undefined) {
      await record(tx, ctx, {
        event: LOG_EVENTS['audit_log.key_changed'],
        resource: { type: 'audit_log', id: origin },
        subjectUserId: null,
        after: { origin, verifierKey, earlierKey: known.verifierKeys[0] },
      });
    }
    return identity;
  });
}

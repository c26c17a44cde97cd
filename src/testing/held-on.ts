import type { Id } from '../kernel/id.ts';
import type { Ctx } from '../platform/context.ts';
import { transact } from '../platform/db/transact.ts';
import type { PersonalData } from '../platform/domain.ts';

/** All that a piece holds on a person, by section, as an export would read it. */
export async function heldOn(
  ctx: Ctx,
  piece: PersonalData,
  userId: Id,
): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const held: Record<string, unknown[]> = {};
  for (const [name, section] of Object.entries(piece.sections)) {
    const rows: unknown[] = [];
    let next: readonly string[] | null = null;
    do {
      const after: readonly string[] | null = next;
      const page: Awaited<ReturnType<typeof section>> = await transact(ctx, 'engine', (tx) =>
        section(tx, ctx, userId, after),
      );
      rows.push(...page.rows);
      next = page.next;
    } while (next !== null);
    held[name] = rows;
  }
  return held;
}

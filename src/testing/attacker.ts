import type postgres from 'postgres';

/**
 * What someone with the owner's rights can do to the evidence: take the protection off, then run
 * statements as they please.
 */
export async function attackEvidence(owner: postgres.Sql, statements: readonly string[]): Promise<void> {
  await owner.begin(async (tx) => {
    const tables = await tx`select relname from pg_class
      where relname ~ '^(audit_(logs|leaves|nodes|checkpoints)|outbox)' and relkind in ('r', 'p')`;
    for (const { relname } of tables) {
      await tx.unsafe(`alter table ${relname} disable trigger user, no force row level security`);
    }
    for (const statement of statements) {
      await tx.unsafe(statement);
    }
  });
}

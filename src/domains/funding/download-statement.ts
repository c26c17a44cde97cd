import { eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { recordReads } from '../identity/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import type { EvidenceFile } from './evidence/evidence-file.ts';
import { bankStatements } from './evidence/schema.ts';
import { refuseOwnStatement, refuseOwnWritten } from './refuse-own-evidence.ts';
import { openStatementFile } from './statement-file.ts';

/**
 * The file of a statement as the bank sent it, refused ones too: what a second person holds against the bank's own
 * before it counts, names and accounts included, and what an auditor is shown.
 * @effects audit `bank_statement.file_read`
 * @errors not_found, self_action, evidence_changed
 */
export async function downloadStatement(ctx: Ctx, statementId: Id): Promise<EvidenceFile> {
  return transact(ctx, 'staff', async (tx) => {
    const [statement] = await tx.select().from(bankStatements).where(eq(bankStatements.id, statementId));
    if (statement === undefined) {
      throw refuse('not_found');
    }
    await refuseOwnStatement(tx, ctx, statement.fileHash);
    const file = await openStatementFile(tx, ctx, statement);
    await refuseOwnWritten(tx, ctx, file.bytes);
    await recordReads(tx, ctx, [
      {
        event: FUNDING_EVENTS['bank_statement.file_read'],
        resource: { type: 'bank_statement', id: statement.id },
        subjectUserId: null,
        after: { ...statement, sha256: file.sha256 },
      },
    ]);
    return file;
  });
}

import { and, eq, sql } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealText } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import { readSealedFile, writeSealedFile } from '../../../platform/files/sealed-file.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { recordReads } from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { addCaseStep, caseKey } from './case-events.ts';
import { findCase, lockCase } from './lock-case.ts';
import { amlCaseFiles } from './schema.ts';

const MAX_FILES = 100;

export type CaseFile = typeof amlCaseFiles.$inferSelect;

/**
 * Adds a file to a case. Nothing is made of its content: it is given back as what it was said to be, to be kept
 * and never shown in place. Sealed under the key of the person the case began with, before it touches a disk.
 * @effects a sealed file, rows of `aml_case_files`, `aml_case_events`; audit `aml_case.file_added`
 * @errors not_found, case_closed, case_file_limit_reached
 */
export async function uploadCaseFile(ctx: Ctx, caseId: Id, file: File): Promise<CaseFile> {
  return transact(ctx, 'staff', async (tx) => {
    const into = await lockCase(tx, ctx, caseId);
    const [held] = await tx
      .select({ files: sql<number>`count(*)::int` })
      .from(amlCaseFiles)
      .where(eq(amlCaseFiles.caseId, caseId));
    if ((held?.files ?? 0) >= MAX_FILES) {
      throw refuseAml('case_file_limit_reached');
    }
    const id = newId();
    const key = await caseKey(tx, ctx, into.userId);
    // A stray sealed file after a rollback is harmless; a row without its file is not.
    const path = await ctx.deps.files.pathOf(caseFileName(id));
    const written = await writeSealedFile(path, key, caseFilePlace(id), file.stream());
    const [row] = await tx
      .insert(amlCaseFiles)
      .values({
        id,
        caseId,
        name: sealText(key, caseFileNamePlace(id), file.name),
        contentType: file.type.split(';')[0] || 'application/octet-stream',
        sizeBytes: written.sizeBytes,
        sha256: new Uint8Array(Buffer.from(written.sha256, 'hex')),
        uploadedBy: present(personOf(ctx.actor), 'a file is added by a person'),
        uploadedAt: ctx.deps.clock.now(),
      })
      .returning();
    const added = present(row, 'the file was inserted');
    await addCaseStep(tx, ctx, into, { type: 'file_added', data: { fileId: id } });
    await record(tx, ctx, {
      event: AML_EVENTS['aml_case.file_added'],
      resource: { type: 'aml_case', id: caseId },
      subjectUserId: into.userId,
      after: added,
    });
    return added;
  });
}

/**
 * Opens a file of a case; each look is recorded.
 * @effects audit `aml_case.file_read`
 * @errors not_found, also where the person was erased
 */
export async function readCaseFile(ctx: Ctx, caseId: Id, fileId: Id): Promise<ReadableStream<Uint8Array>> {
  return transact(ctx, 'staff', async (tx) => {
    const found = await findCase(tx, ctx, caseId);
    const [file] = await tx
      .select()
      .from(amlCaseFiles)
      .where(and(eq(amlCaseFiles.id, fileId), eq(amlCaseFiles.caseId, caseId)));
    const key =
      found.userId === null ? ctx.deps.keyring.house : await ctx.deps.personKeys.find(tx, found.userId);
    if (file === undefined || key === undefined) {
      throw refuse('not_found');
    }
    await recordReads(tx, ctx, [
      {
        event: AML_EVENTS['aml_case.file_read'],
        resource: { type: 'aml_case', id: caseId },
        subjectUserId: found.userId,
        after: file,
      },
    ]);
    const path = await ctx.deps.files.pathOf(caseFileName(fileId));
    return streamed(readSealedFile(path, key, caseFilePlace(fileId)));
  });
}

/** Its first chunk is opened before anything is answered, so that a file that does not open is a refusal. */
async function streamed(chunks: AsyncGenerator<Uint8Array>): Promise<ReadableStream<Uint8Array>> {
  let ahead = await chunks.next();
  return new ReadableStream({
    pull: async (controller) => {
      if (ahead.done === true) {
        controller.close();
        return;
      }
      controller.enqueue(ahead.value);
      ahead = await chunks.next();
    },
    cancel: async () => {
      await chunks.return(undefined);
    },
  });
}

/** What the sealed name of a file is bound to. */
export function caseFileNamePlace(fileId: Id) {
  return { table: 'aml_case_files', column: 'name', rowId: fileId };
}

function caseFileName(fileId: Id): string {
  return `aml/${fileId}`;
}

function caseFilePlace(fileId: Id) {
  return { table: 'aml_case_files', column: 'content', rowId: fileId };
}

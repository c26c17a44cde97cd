import { and, eq, type InferSelectModel, inArray, isNotNull, sql } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sha256 } from '../../../platform/crypto/keyring.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { isNotErased } from '../../identity/index.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { inSteps, throwFirst } from '../in-batches.ts';
import type { RiskLevel } from '../review/rules.ts';
import { kycApplications } from '../schema.ts';
import { inputsOf } from './inputs-of.ts';
import { rate } from './rate.ts';
import { ratedPeople } from './rated-people.ts';
import { kycRiskMatrices, kycRiskSimulations, kycStandings } from './schema.ts';
import type { SimulationCounts } from './simulation-counts.ts';
import { activeMatrix } from './standing.ts';

export type Simulation = InferSelectModel<typeof kycRiskSimulations>;

const BATCH = 200;
const CHANGED_MAX = 1_000;

/**
 * Has a draft tried on every customer; a job does it.
 * @effects a row of `kyc_risk_simulations`; audit `kyc_risk_simulation.started`
 * @errors not_found, matrix_not_draft, risk_simulation_running
 */
export async function requestSimulation(ctx: Ctx, matrixId: Id): Promise<Simulation> {
  const requestedBy = present(personOf(ctx.actor), 'a simulation is asked for by a person');
  return transact(ctx, 'staff', async (tx) => {
    const draft = await lockRow(tx, kycRiskMatrices, matrixId);
    if (draft === undefined) {
      throw refuse('not_found');
    }
    if (draft.status !== 'draft') {
      throw refuseKyc('matrix_not_draft');
    }
    const [started] = await tx
      .insert(kycRiskSimulations)
      .values({
        id: newId(),
        matrixId,
        contentHash: draft.contentHash,
        againstId: (await activeMatrix(tx)).id,
        status: 'running',
        total: await countPeople(tx),
        done: 0,
        counts: { moves: {}, changed: [], skipped: 0 },
        digest: '',
        requestedBy,
        requestedAt: ctx.deps.clock.now(),
      })
      .onConflictDoNothing()
      .returning();
    if (started === undefined) {
      throw refuseKyc('risk_simulation_running');
    }
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_risk_simulation.started'],
      resource: { type: 'kyc_risk_simulation', id: started.id },
      subjectUserId: null,
      after: started,
    });
    return started;
  });
}

/** @errors not_found */
export async function getSimulation(ctx: Ctx, simulationId: Id): Promise<Simulation> {
  return transact(ctx, ctx.login, async (tx) => {
    const [found] = await tx.select().from(kycRiskSimulations).where(eq(kycRiskSimulations.id, simulationId));
    if (found === undefined) {
      throw refuse('not_found');
    }
    return found;
  });
}

/**
 * Goes on with every simulation that is not through, a batch in a transaction: what is stopped goes on where it
 * was, and two nodes take turns. Whose facts cannot be read is skipped and counted, and keeps nobody else from it.
 * @effects `kyc_risk_simulations`; audit `kyc_risk_simulation.finished`
 * @errors the first failure, once all simulations are through
 */
export async function runSimulations(ctx: Ctx): Promise<void> {
  const running = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: kycRiskSimulations.id })
      .from(kycRiskSimulations)
      .where(eq(kycRiskSimulations.status, 'running'))
      .orderBy(kycRiskSimulations.id),
  );
  await inSteps(
    ...running.map(
      ({ id }) =>
        () =>
          runSimulation(ctx, id),
    ),
  );
}

/** What a person's place in the digest is. */
export function digestAfter(digest: string, userId: Id, score: number, level: string): string {
  return Buffer.from(sha256(`${digest}\n${userId} ${score} ${level}`)).toString('hex');
}

async function runSimulation(ctx: Ctx, simulationId: Id): Promise<void> {
  const failures: unknown[] = [];
  while (await simulateBatch(ctx, simulationId, failures)) {
    // Each batch is a transaction of its own.
  }
  throwFirst(failures);
}

/** @shape whether there is more to do */
async function simulateBatch(ctx: Ctx, simulationId: Id, failures: unknown[]): Promise<boolean> {
  return transact(ctx, 'engine', async (tx) => {
    const before = present(await lockRow(tx, kycRiskSimulations, simulationId), 'a simulation stays');
    if (before.status !== 'running') {
      return false;
    }
    const people = await ratedPeople(tx, before.afterUserId, BATCH);
    const tried = await tryOn(tx, ctx, before, people, failures);
    const finished = people.length < BATCH;
    const [row] = await tx
      .update(kycRiskSimulations)
      .set({
        ...tried,
        afterUserId: people.at(-1) ?? before.afterUserId,
        done: before.done + people.length,
        ...(finished ? { status: 'done', finishedAt: ctx.deps.clock.now() } : {}),
      })
      .where(eq(kycRiskSimulations.id, simulationId))
      .returning();
    if (finished) {
      await record(tx, ctx, {
        event: KYC_EVENTS['kyc_risk_simulation.finished'],
        resource: { type: 'kyc_risk_simulation', id: simulationId },
        subjectUserId: null,
        before,
        after: present(row, 'the simulation was locked'),
      });
    }
    return !finished;
  });
}

async function tryOn(
  tx: Tx,
  ctx: Ctx,
  { matrixId, counts, digest }: Simulation,
  people: readonly Id[],
  failures: unknown[],
) {
  const [matrix] = await tx.select().from(kycRiskMatrices).where(eq(kycRiskMatrices.id, matrixId));
  const { content } = present(matrix, 'a matrix stays');
  const standings = new Map(
    (
      await tx
        .select()
        .from(kycStandings)
        .where(inArray(kycStandings.userId, [...people]))
    ).map((standing) => [standing.userId, standing]),
  );
  const moves: Partial<Record<keyof SimulationCounts['moves'], number>> = { ...counts.moves };
  const changed = [...counts.changed];
  let { skipped } = counts;
  let chained = digest;
  for (const userId of people) {
    const gathered = await inputsOf(tx, ctx, userId).catch((error: unknown) => {
      failures.push(error);
    });
    if (gathered === undefined) {
      skipped += 1;
      continue;
    }
    const standing = standings.get(userId);
    const { score, level } = rate(content, gathered.inputs, standing?.raisedTo ?? null);
    const from = (standing?.level ?? 'unrated') as RiskLevel | 'unrated';
    const move = `${from}>${level}` as const;
    moves[move] = (moves[move] ?? 0) + 1;
    if (from !== level && changed.length < CHANGED_MAX) {
      changed.push(userId);
    }
    chained = digestAfter(chained, userId, score, level);
  }
  return { counts: { moves, changed, skipped }, digest: chained };
}

async function countPeople(tx: Tx): Promise<number> {
  const [counted] = await tx
    .select({ people: sql<number>`count(distinct ${kycApplications.userId})::int` })
    .from(kycApplications)
    .where(and(isNotNull(kycApplications.submittedAt), isNotErased(kycApplications.userId)));
  return counted?.people ?? 0;
}

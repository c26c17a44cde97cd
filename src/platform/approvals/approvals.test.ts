import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { DomainError } from '../../kernel/error.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { type SmallApp, smallApp } from '../../testing/small-app.ts';
import type { Ctx } from '../context.ts';
import { openClient, type Tx } from '../db/client.ts';
import { sqlStateOf } from '../db/errors.ts';
import { approvals, approvalVotes, auditLogs } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { refuse } from '../http/refuse.ts';
import type { ApprovedAction } from './actions.ts';
import { cancelApproval } from './cancel-approval.ts';
import { decideApproval } from './decide-approval.ts';
import { expireApprovals } from './expire-approvals.ts';
import { type Approval, type ApprovalRequest, requestApproval } from './request-approval.ts';

let foundation: Foundation;
let small: SmallApp;
let maker: Ctx;
let checker: Ctx;
let second: Ctx;
let executed: ApprovedAction[] = [];
let refusals: string[] = [];

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
  small = smallApp(foundation, []);
  const { approvalActions } = foundation.deps;
  approvalActions.register({
    action: 'guard.lower',
    execute: async (_ctx, approved) => {
      executed.push(approved);
    },
    refused: async (_ctx, _approved, reason) => {
      refusals.push(reason);
    },
  });
  approvalActions.register({
    action: 'guard.fail',
    execute: async () => {
      throw refuse('conflict');
    },
    refused: async () => {
      throw new Error('cannot be undone now');
    },
  });
  approvalActions.register({
    action: 'guard.judge',
    execute: async () => {},
    refuseVoter: async (_ctx, { payload }, voterId) => {
      if (payload.barred === voterId) {
        throw refuse('self_approval');
      }
    },
  });
  [maker, checker, second] = [await staff(), await staff(), await staff()];
});
beforeEach(() => {
  executed = [];
  refusals = [];
});
afterAll(() => foundation.close());

async function staff(): Promise<Ctx> {
  return foundation.ctx((await small.person('operations')).actor);
}

function personIn(ctx: Ctx): Id {
  return 'userId' in ctx.actor ? ctx.actor.userId : '';
}

function inTransaction<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return transact(foundation.system, 'engine', work);
}

const ASKED: Omit<ApprovalRequest, 'subjectId'> = {
  action: 'guard.lower',
  subjectType: 'guard',
  subjectUserId: null,
  payload: { limit: '100', by: { amount: '5' } },
  quorum: 1,
  checkerRoles: ['operations'],
  reason: 'The limit is too low',
};

function requested(request: Partial<ApprovalRequest> = {}): Promise<Approval> {
  return transact(maker, 'engine', (tx) =>
    requestApproval(tx, maker, { ...ASKED, subjectId: newId(), ...request }),
  );
}

function vote(ctx: Ctx, approval: Approval, kind: 'approve' | 'reject' = 'approve'): Promise<Approval> {
  return decideApproval(ctx, { approvalId: approval.id, vote: kind, reason: 'Looked at it' });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'accepted',
    (error: unknown) => (error as DomainError).code ?? String(error),
  );
}

async function stateOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => 'accepted',
    (error: unknown) => sqlStateOf(error),
  );
}

async function stored(approval: Approval): Promise<Approval> {
  const [row] = await inTransaction((tx) => tx.select().from(approvals).where(eq(approvals.id, approval.id)));
  return present(row, 'approvals are never deleted');
}

test('what is asked for twice is refused at once, and waits for no vote that is being cast on the first', async () => {
  const subjectId = newId();
  const first = await requested({ subjectId });
  const voted = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const voting = inTransaction(async (tx) => {
    await tx
      .update(approvals)
      .set({ status: 'cancelled', decidedAt: foundation.deps.clock.realNow() })
      .where(eq(approvals.id, first.id));
    voted.resolve();
    await done.promise;
    throw refuse('conflict');
  });
  await voted.promise;
  const again = transact(maker, 'engine', async (tx) => {
    await tx.execute(sql`set local lock_timeout = '1s'`);
    return requestApproval(tx, maker, { ...ASKED, subjectId });
  });
  expect(await codeOf(again)).toBe('approval_pending_exists');
  done.resolve();
  expect(await codeOf(voting)).toBe('conflict');
});

test('who may not decide on an action by its own rule votes neither way, and leaves no vote', async () => {
  const approval = await requested({ action: 'guard.judge', payload: { barred: personIn(checker) } });
  expect(await codeOf(vote(checker, approval))).toBe('self_approval');
  expect(await codeOf(vote(checker, approval, 'reject'))).toBe('self_approval');
  expect((await vote(second, approval)).status).toBe('executed');
});

/** A vote that goes around the code, as the login with the most rights. */
function plantVote(approval: Approval, checkerId: Id) {
  return inTransaction((tx) =>
    tx.insert(approvalVotes).values({
      approvalId: approval.id,
      checkerId,
      vote: 'approve',
      reason: 'planted',
      votedAt: foundation.deps.clock.realNow(),
    }),
  );
}

async function auditOf(approval: Approval): Promise<string[]> {
  const rows = await inTransaction((tx) =>
    tx.select().from(auditLogs).where(eq(auditLogs.resourceId, approval.id)).orderBy(auditLogs.recordedAt),
  );
  return rows.map((row) => row.eventType);
}

describe('a decision by another person', () => {
  test('executes the action with what was requested, once, and leaves its trace', async () => {
    const approval = await requested();
    expect((await vote(checker, approval)).status).toBe('executed');
    expect(executed).toEqual([
      {
        approvalId: approval.id,
        subjectId: approval.subjectId,
        payload: { limit: '100', by: { amount: '5' } },
        makerId: personIn(maker),
        checkerIds: [personIn(checker)],
      },
    ]);
    expect(await auditOf(approval)).toEqual(['approval.requested', 'approval.voted', 'approval.executed']);
  });

  test('against it ends it, whatever the quorum, and tells the action why', async () => {
    const approval = await requested({ quorum: 2 });
    expect((await vote(checker, approval, 'reject')).status).toBe('rejected');
    expect([executed, refusals]).toEqual([[], ['Looked at it']]);
    expect(await codeOf(vote(second, approval))).toBe('approval_not_pending');
    expect(await auditOf(approval)).toEqual(['approval.requested', 'approval.voted', 'approval.rejected']);
  });

  test('whose action is refused leaves no vote and stays open', async () => {
    const approval = await requested({ action: 'guard.fail' });
    expect(await codeOf(vote(checker, approval))).toBe('conflict');
    expect((await stored(approval)).status).toBe('pending');
    const votes = await inTransaction((tx) =>
      tx.select().from(approvalVotes).where(eq(approvalVotes.approvalId, approval.id)),
    );
    expect(votes).toEqual([]);
  });

  test('is for those who hold one of the named roles; others who see it may not, the rest find none', async () => {
    const approval = await requested({ checkerRoles: ['risk_manager', 'mlro'] });
    const officer = foundation.ctx((await small.person('compliance_officer')).actor);
    expect(await codeOf(vote(officer, approval))).toBe('forbidden');
    expect(await codeOf(vote(maker, approval))).toBe('forbidden');
    expect(await codeOf(vote(checker, approval))).toBe('not_found');
    expect(await codeOf(vote(checker, { ...approval, id: newId() }))).toBe('not_found');
  });

  test('is not taken after it expired', async () => {
    const approval = await requested({ expiresInMs: -1 });
    expect(await codeOf(vote(checker, approval))).toBe('approval_expired');
    expect(executed).toEqual([]);
  });
});

describe('the maker', () => {
  test('cannot decide, by code', async () => {
    const approval = await requested();
    expect(await codeOf(vote(maker, approval))).toBe('self_approval');
    expect(await codeOf(vote(maker, approval, 'reject'))).toBe('self_approval');
  });

  test('cannot decide, by the database, on any login that may vote', async () => {
    const approval = await requested();
    expect(await stateOf(plantVote(approval, personIn(maker)))).toBe('PL007');
    const onStaff = transact(maker, 'staff', (tx) =>
      tx.insert(approvalVotes).values({
        approvalId: approval.id,
        checkerId: personIn(maker),
        vote: 'approve',
        reason: 'planted',
        votedAt: foundation.deps.clock.realNow(),
      }),
    );
    expect(await stateOf(onStaff)).toBe('PL007');
  });

  test('cannot put the same action on the same subject before others twice at a time', async () => {
    const approval = await requested();
    const again = () => requested({ subjectId: approval.subjectId });
    expect(await codeOf(again())).toBe('approval_pending_exists');
    await vote(checker, approval);
    expect((await again()).status).toBe('pending');
  });
});

describe('taking back', () => {
  const cancel = (ctx: Ctx, approval: Approval) => cancelApproval(ctx, approval.id);

  test('is for the maker while nobody has decided; the action is told and nobody can decide any more', async () => {
    const approval = await requested();
    expect(await codeOf(cancel(maker, approval))).toBe('accepted');
    expect([(await stored(approval)).status, refusals, executed]).toEqual([
      'cancelled',
      ['taken back by its maker'],
      [],
    ]);
    expect(await auditOf(approval)).toEqual(['approval.requested', 'approval.cancelled']);
    expect(await codeOf(vote(checker, approval))).toBe('approval_not_pending');
    expect(await codeOf(cancel(maker, approval))).toBe('approval_not_pending');
  });

  test('leaves room for the same request again', async () => {
    const approval = await requested();
    await cancel(maker, approval);
    expect((await requested({ subjectId: approval.subjectId })).status).toBe('pending');
  });

  test('is refused to checkers, and to those who may not see it there is nothing', async () => {
    const approval = await requested({ checkerRoles: ['risk_manager'] });
    const riskManager = foundation.ctx((await small.person('risk_manager')).actor);
    expect(await codeOf(cancel(riskManager, approval))).toBe('forbidden');
    expect(await codeOf(cancel(checker, approval))).toBe('not_found');
    expect(await codeOf(cancel(maker, { ...approval, id: newId() }))).toBe('not_found');
    expect((await stored(approval)).status).toBe('pending');
  });

  test('is refused where the maker asked as a customer: nobody acts as staff on themselves', async () => {
    const approval = await requested({ subjectUserId: personIn(maker) });
    expect(await codeOf(cancel(maker, approval))).toBe('self_approval');
  });

  test('is all or nothing with what the action does then', async () => {
    const approval = await requested({ action: 'guard.fail' });
    expect(await codeOf(cancel(maker, approval))).toContain('cannot be undone now');
    expect([(await stored(approval)).status, await auditOf(approval)]).toEqual([
      'pending',
      ['approval.requested'],
    ]);
  });

  test('and a vote at the same time: one of them happens', async () => {
    for (let round = 0; round < 5; round += 1) {
      executed = [];
      const approval = await requested();
      const codes = await Promise.all([codeOf(cancel(maker, approval)), codeOf(vote(checker, approval))]);
      expect(codes.toSorted()).toEqual(['accepted', 'approval_not_pending']);
      const { status } = await stored(approval);
      expect([status, executed.length]).toEqual(codes[0] === 'accepted' ? ['cancelled', 0] : ['executed', 1]);
    }
  });
});

describe('the person it is about', () => {
  test('cannot decide, by code and by the database', async () => {
    const approval = await requested({ subjectUserId: personIn(checker) });
    expect(await codeOf(vote(checker, approval))).toBe('self_approval');
    expect(await stateOf(plantVote(approval, personIn(checker)))).toBe('PL007');
    expect((await vote(second, approval)).status).toBe('executed');
  });
});

describe('a quorum of two', () => {
  test('needs two people', async () => {
    const approval = await requested({ quorum: 2 });
    expect((await vote(checker, approval)).status).toBe('pending');
    expect(executed).toEqual([]);
    expect(await codeOf(vote(checker, approval))).toBe('approval_already_voted');
    expect((await vote(second, approval)).status).toBe('executed');
    expect(executed[0]?.checkerIds.toSorted()).toEqual([personIn(checker), personIn(second)].toSorted());
  });

  test('is not reached by one person who votes many times at once', async () => {
    const approval = await requested({ quorum: 2 });
    const codes = await Promise.all(Array.from({ length: 5 }, () => codeOf(vote(checker, approval))));
    expect(codes.toSorted()).toEqual([
      ...Array(1).fill('accepted'),
      ...Array(4).fill('approval_already_voted'),
    ]);
    expect([(await stored(approval)).status, executed]).toEqual(['pending', []]);
  });

  test('executes once when the last two votes come together', async () => {
    const approval = await requested({ quorum: 2 });
    await vote(checker, approval);
    const others = [await staff(), await staff(), await staff()];
    const codes = await Promise.all(others.map((other) => codeOf(vote(other, approval))));
    expect(codes.toSorted()).toEqual(['accepted', 'approval_not_pending', 'approval_not_pending']);
    expect(executed).toHaveLength(1);
  });

  test('cannot be declared reached in the database', async () => {
    const approval = await requested({ quorum: 2 });
    await vote(checker, approval);
    for (const status of ['approved', 'executed'] as const) {
      const forced = inTransaction((tx) =>
        tx.update(approvals).set({ status }).where(eq(approvals.id, approval.id)),
      );
      expect(await stateOf(forced)).toBe('PL007');
    }
  });
});

describe('what was put before the checkers', () => {
  const changes = {
    payload: { limit: '100000' },
    payloadHash: new Uint8Array(32),
    quorum: 1,
    makerId: newId(),
    subjectUserId: newId(),
    subjectId: newId(),
    action: 'guard.fail',
    checkerRoles: ['support'],
    expiresAt: addMs('2030-01-01T00:00:00.000000Z' as never, 0),
  };

  test.each(Object.keys(changes) as (keyof typeof changes)[])('cannot be rewritten: %s', async (column) => {
    const approval = await requested({ quorum: 2 });
    const rewrite = inTransaction((tx) =>
      tx
        .update(approvals)
        .set({ [column]: changes[column] })
        .where(eq(approvals.id, approval.id)),
    );
    expect(await stateOf(rewrite)).toBe('PL007');
  });

  test('is checked against its hash again when it takes effect, should the trigger have been off', async () => {
    const approval = await requested();
    const owner = openClient(foundation.database.owner, 1);
    await owner`alter table approvals disable trigger check_approval`;
    await owner`create policy plant on approvals using (true) with check (true)`;
    await owner`update approvals set payload = '{"limit":"9"}' where id = ${approval.id}`;
    await owner`drop policy plant on approvals`;
    await owner`alter table approvals enable always trigger check_approval`;
    await owner.end();
    expect((await stored(approval)).payload).toEqual({ limit: '9' });
    expect(vote(checker, approval)).rejects.toThrow('the payload is what the checkers saw');
    await vote(checker, approval).catch(() => {});
    expect([executed, (await stored(approval)).status]).toEqual([[], 'pending']);
  });

  test('cannot be reopened once it is decided', async () => {
    const approval = await requested();
    await vote(checker, approval, 'reject');
    const reopen = inTransaction((tx) =>
      tx.update(approvals).set({ status: 'pending' }).where(eq(approvals.id, approval.id)),
    );
    expect(await stateOf(reopen)).toBe('PL007');
    expect(await stateOf(plantVote(approval, personIn(second)))).toBe('PL007');
  });

  test('keeps its votes as they were cast', async () => {
    const approval = await requested({ quorum: 2 });
    await vote(checker, approval);
    const mine = and(
      eq(approvalVotes.approvalId, approval.id),
      eq(approvalVotes.checkerId, personIn(checker)),
    );
    // One after the other: a second refusal that nobody awaits yet would count as unhandled.
    const rewrite = inTransaction((tx) => tx.update(approvalVotes).set({ vote: 'reject' }).where(mine));
    expect(await stateOf(rewrite)).toBe('42501');
    const remove = inTransaction((tx) => tx.delete(approvalVotes).where(mine));
    expect(await stateOf(remove)).toBe('42501');
    const truncate = inTransaction((tx) => tx.execute(sql`truncate approval_votes`));
    expect(await stateOf(truncate)).toBe('42501');
  });
});

describe('what nobody decided in time', () => {
  test('expires, tells its action, leaves a row, and makes way for a new request', async () => {
    // What other tests left overdue is not of this one.
    await expireApprovals(foundation.system);
    refusals.length = 0;
    const approval = await requested({ expiresInMs: -1 });
    const open = await requested();
    await expireApprovals(foundation.system);
    await expireApprovals(foundation.system);
    expect([(await stored(approval)).status, (await stored(open)).status]).toEqual(['expired', 'pending']);
    expect(refusals).toEqual(['not decided in time']);
    expect(await auditOf(approval)).toEqual(['approval.requested', 'approval.expired']);
    expect((await requested({ subjectId: approval.subjectId })).status).toBe('pending');
  });

  test('expires even when the one before it cannot', async () => {
    const stuck = await requested({ action: 'guard.fail', expiresInMs: -1 });
    const approval = await requested({ expiresInMs: -1 });
    await expireApprovals(foundation.system);
    expect([(await stored(stuck)).status, (await stored(approval)).status]).toEqual(['pending', 'expired']);
  });
});

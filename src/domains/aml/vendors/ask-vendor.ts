import { and, asc, eq, gt, lte } from 'drizzle-orm';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import { openAlert } from '../alerts/open-alert.ts';
import { screenings } from '../schema.ts';
import { chosenVendor } from './chosen-vendor.ts';
import { type Question, readableQuestions } from './queries-of.ts';
import { vendorRequests } from './schema.ts';
import { keepAnswer } from './settle-request.ts';
import type { ScreeningVendor, VendorAnswer, VendorFailure, VendorReply } from './vendor.ts';
import { ABOUT_SCREENINGS, abandon, postpone } from './waiting-request.ts';

type VendorRequest = typeof vendorRequests.$inferSelect;

type Asked = {
  readonly request: VendorRequest;
  readonly question: Question;
};

type Refusal = Extract<VendorReply, { ok: false }>;

/** How many screenings one call asks about; fewer where they have many subjects. */
const BATCH = 25;
/** How many calls one run makes. */
const CALLS_MAX = 40;
/** From this many failures in a row somebody is told that the vendor does not answer. */
const OUTAGE_FAILURES = 5;

/** Asks the outside vendor about every screening whose time has come. */
export const askVendorJob: Job = { name: 'aml.ask-vendor', cron: '* * * * *', run: askDue };

async function askDue(ctx: Ctx): Promise<void> {
  const vendor = chosenVendor(ctx.deps);
  for (let calls = 0; vendor !== undefined && calls < CALLS_MAX; calls += 1) {
    const asked = await dueOf(ctx, vendor);
    if (asked === null || !(await askAbout(ctx, vendor, asked))) {
      return;
    }
  }
}

/** What is asked next; null where nothing is due. Whoever was erased meanwhile is not asked about. */
async function dueOf(ctx: Ctx, vendor: ScreeningVendor): Promise<readonly Asked[] | null> {
  return transact(ctx, 'engine', async (tx) => {
    if (await isLeftAlone(tx, ctx, vendor)) {
      return null;
    }
    const due = await tx
      .select({ request: vendorRequests, screening: screenings })
      .from(vendorRequests)
      .innerJoin(screenings, eq(screenings.id, vendorRequests.screeningId))
      .where(
        and(
          eq(vendorRequests.vendor, vendor.name),
          eq(vendorRequests.status, 'waiting'),
          lte(vendorRequests.nextAt, ctx.deps.clock.realNow()),
        ),
      )
      .orderBy(asc(vendorRequests.nextAt), asc(vendorRequests.id))
      .limit(BATCH);
    if (due.length === 0) {
      return null;
    }
    const { questions, unreadable } = await readableQuestions(
      tx,
      ctx,
      due.map(({ screening }) => screening),
    );
    const asked: Asked[] = [];
    let queries = 0;
    for (const { request, screening } of due) {
      if (unreadable.has(screening.id)) {
        await postpone(tx, ctx, ABOUT_SCREENINGS, request.id, 'unreadable');
        continue;
      }
      const question = questions.get(screening.id);
      if (question === undefined) {
        await abandon(tx, ctx, ABOUT_SCREENINGS, request.id, 'erased');
        continue;
      }
      queries += question.queries.length;
      if (asked.length > 0 && queries > vendor.queriesMax) {
        break;
      }
      asked.push({ request, question });
    }
    return asked;
  });
}

/** A vendor that asked to be left alone is asked nothing until then, whichever node it told. */
async function isLeftAlone(tx: Tx, ctx: Ctx, vendor: ScreeningVendor): Promise<boolean> {
  const [told] = await tx
    .select({ id: vendorRequests.id })
    .from(vendorRequests)
    .where(
      and(
        eq(vendorRequests.vendor, vendor.name),
        eq(vendorRequests.status, 'waiting'),
        eq(vendorRequests.lastFailure, 'busy'),
        gt(vendorRequests.nextAt, ctx.deps.clock.realNow()),
      ),
    )
    .limit(1);
  return told !== undefined;
}

/**
 * One call about some screenings. @effects as `keepAnswer`, `postpone`, `abandon`
 * @shape false where the vendor as a whole did not answer, and nobody else is to be asked about now
 */
async function askAbout(ctx: Ctx, vendor: ScreeningVendor, asked: readonly Asked[]): Promise<boolean> {
  if (asked.length === 0) {
    return true;
  }
  const beganMs = ctx.deps.clock.realMs();
  const reply = await vendor.match(
    ctx.deps,
    asked.flatMap(({ question }) => question.queries),
  );
  const latencyMs = Math.max(0, ctx.deps.clock.realMs() - beganMs);
  if (!reply.ok) {
    const isAboutOne = reply.failure === 'refused' || (reply.failure === 'malformed' && asked.length > 1);
    return isAboutOne ? askAlone(ctx, vendor, asked) : pause(ctx, vendor, asked, reply);
  }
  for (const { request, question } of asked) {
    const answers = question.queries.map(({ ref }) => reply.answers.get(ref) ?? MISSING);
    const failed = answers.find((answer) => !answer.ok);
    await transact(ctx, 'engine', async (tx) =>
      failed === undefined
        ? keepAnswer(tx, ctx, { vendor, requestId: request.id, question, answers, latencyMs })
        : postpone(tx, ctx, ABOUT_SCREENINGS, request.id, failed.failure),
    );
  }
  return true;
}

const MISSING: VendorAnswer & { readonly ok: false } = { ok: false, failure: 'missing' };

/** A call that fails for what one question says, or for what its answer weighs, is made again for each alone. */
async function askAlone(ctx: Ctx, vendor: ScreeningVendor, asked: readonly Asked[]): Promise<boolean> {
  const [first] = asked;
  if (asked.length === 1 && first !== undefined) {
    await transact(ctx, 'engine', (tx) => postpone(tx, ctx, ABOUT_SCREENINGS, first.request.id, 'refused'));
    return true;
  }
  for (const one of asked) {
    if (!(await askAbout(ctx, vendor, [one]))) {
      return false;
    }
  }
  return true;
}

/** The vendor as a whole does not answer: what it was asked about comes again, and this run ends. */
async function pause(
  ctx: Ctx,
  vendor: ScreeningVendor,
  asked: readonly Asked[],
  { failure, retryAfterMs = 0 }: Refusal,
): Promise<false> {
  await transact(ctx, 'engine', async (tx) => {
    for (const { request } of asked) {
      await postpone(tx, ctx, ABOUT_SCREENINGS, request.id, failure, retryAfterMs);
    }
    if (asked.some(({ request }) => request.failures + 1 === OUTAGE_FAILURES)) {
      await tellOutage(tx, ctx, vendor, failure);
    }
  });
  ctx.deps.log.warn({ vendor: vendor.name, failure }, 'the screening vendor did not answer');
  return false;
}

/** An alert about nobody: people know that the second opinion is missing; nobody's money waits for it. */
async function tellOutage(tx: Tx, ctx: Ctx, vendor: ScreeningVendor, failure: VendorFailure): Promise<void> {
  await openAlert(tx, ctx, {
    userId: null,
    kind: 'screening_error',
    dedupKey: `vendor_outage:${vendor.name}`,
    severity: 'medium',
    effect: 'review',
    sourceRef: `vendor:${vendor.name}:${failure}`,
  });
}

/**
 * What every venue has to keep to, whoever it is: an adapter's own tests call this with the venue at its test site.
 */
import { expect, test } from 'bun:test';
import { newId } from '../../../../kernel/id.ts';
import { instantOfMs, systemClock } from '../../../../kernel/time.ts';
import type { ExecutionReport, Venue, VenueAnswer, VenueOrder } from '../venue.ts';

export type VenueUnderTest = {
  readonly venue: () => Venue;
  /** An order that rests there; `changes` over it. */
  readonly resting: () => Omit<VenueOrder, 'reference' | 'takeUntil'>;
  /** Lets the venue execute an order that it has, in part or whole. */
  readonly execute: (order: VenueOrder) => Promise<void>;
};

/** The contract of `venue.ts`, as tests. */
export function describeVenue(tested: VenueUnderTest): void {
  describeSending(tested);
  describeEnds(tested);
}

function ordersAt({ venue, resting }: VenueUnderTest) {
  const order = (takeWithinMs = 60_000): VenueOrder => ({
    ...resting(),
    reference: newId(),
    takeUntil: instantOfMs(systemClock().realMs() + takeWithinMs),
  });
  const sent = async (): Promise<VenueOrder> => {
    const instruction = order();
    await venue().send(instruction);
    return instruction;
  };
  const known = async ({ reference }: VenueOrder): Promise<readonly ExecutionReport[]> => {
    const answer = await venue().lookUp(reference);
    return answer.known ? answer.reports : [];
  };
  return { order, sent, known };
}

function describeSending(tested: VenueUnderTest): void {
  const { venue } = tested;
  const { order, sent, known } = ordersAt(tested);

  test('accepts an order and says the same of it whenever it is looked up', async () => {
    const instruction = order();
    const answer = await venue().send(instruction);
    expect(answer.reports.map(({ type }) => type)).toContain('accepted');
    expect(answer.reports.every(({ reference }) => reference === instruction.reference)).toBe(true);
    expect(await known(instruction)).toEqual(await known(instruction));
    expect(await known(instruction)).toEqual(expect.arrayContaining([...answer.reports]));
  });

  test('takes a reference once, however often it is sent', async () => {
    const instruction = await sent();
    const before = await known(instruction);
    await venue().send({ ...instruction, quantity: instruction.quantity });
    expect(await known(instruction)).toEqual(before);
  });

  test('takes nothing that comes after its time, and says so of it for good', async () => {
    const late = order(-1_000);
    const sending = venue()
      .send(late)
      .then(
        () => 'taken',
        () => 'refused',
      );
    expect(await sending).toBe('refused');
    expect(await venue().lookUp(late.reference)).toEqual({ known: false, why: 'not_there' });
    expect(await venue().collect([late.reference], { trading: true })).toMatchObject({ reports: [] });
  });

  test('says not_there only of what it never received, which may be sent then', async () => {
    const instruction = order();
    expect(await venue().lookUp(instruction.reference)).toEqual({ known: false, why: 'not_there' });
    await venue().send(instruction);
    expect(await venue().lookUp(instruction.reference)).toMatchObject({ known: true });
  });
}

function describeEnds(tested: VenueUnderTest): void {
  const { venue, execute } = tested;
  const { sent, known } = ordersAt(tested);

  test('gives an order back once, and says what it executed of it', async () => {
    const instruction = await sent();
    await venue().cancel(instruction.reference);
    const ended = (await known(instruction)).filter(isEnd);
    expect(ended).toMatchObject([{ type: 'cancelled', executed: 0n }]);
    await venue().cancel(instruction.reference);
    expect((await known(instruction)).filter(isEnd)).toEqual(ended);
    // Nor is a reference free again once its order has ended.
    await venue().send(instruction);
    expect((await known(instruction)).filter(isEnd)).toEqual(ended);
  });

  test('tells each execution under an id of its own, and counts them all when the order ends', async () => {
    const instruction = await sent();
    await execute(instruction);
    const collected: VenueAnswer = await venue().collect([instruction.reference], { trading: true });
    await venue().cancel(instruction.reference);
    const reports = await known(instruction);
    expect(new Set(reports.map(({ reportId }) => reportId)).size).toBe(reports.length);
    expect(reports).toEqual(expect.arrayContaining([...collected.reports]));
    const fills = reports.filter((report) => report.type === 'fill');
    expect(fills.length).toBeGreaterThan(0);
    const [end] = reports.filter(isEnd);
    expect(end !== undefined && 'executed' in end ? end.executed : null).toBe(
      fills.reduce((sum, fill) => sum + fill.quantity, 0n) as never,
    );
  });
}

function isEnd({ type }: ExecutionReport): boolean {
  return type === 'cancelled' || type === 'done' || type === 'rejected';
}

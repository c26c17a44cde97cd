import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type Foundation, startFoundation } from '../../../testing/foundation.ts';
import { noteCall, waitForCall } from './call-budget.ts';

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(async () => {
  await foundation.close();
});

test('asks no more than half of what a minute allows at once, whichever node asks', async () => {
  const { deps } = foundation;
  const granted: number[] = [];
  for (let call = 0; call < 100; call += 1) {
    granted.push(await waitForCall(deps, 'busy', 'decision'));
  }
  expect(granted.slice(0, 50)).toEqual(Array(50).fill(0));
  expect(granted.slice(50).some((waitMs) => waitMs > 0)).toBe(true);
  expect(await waitForCall(deps, 'busy', 'session')).toBe(0);
  expect(await waitForCall(deps, 'other', 'decision')).toBe(0);
});

test('leaves a provider alone for a while after five failures in a row, and not after four', async () => {
  const { deps } = foundation;
  for (const reached of [false, false, false, false, true, false, false, false, false]) {
    noteCall(deps, 'down', reached);
  }
  expect(await waitForCall(deps, 'down', 'decision')).toBe(0);
  noteCall(deps, 'down', false);
  expect(await waitForCall(deps, 'down', 'decision')).toBeGreaterThan(0);
  expect(await waitForCall(deps, 'down', 'session')).toBeGreaterThan(0);
});

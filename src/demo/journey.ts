/**
 * The whole journey over HTTP: a customer registers, passes KYC and screening, is credited, trades
 * and withdraws through a second person's approval, and an auditor verifies the evidence. Refusals
 * are part of it. Whoever runs it decides how steps are shown.
 */

import { type Api, apiFor } from './client.ts';
import type { DemoCredentials } from './credentials.ts';
import { auditSteps } from './journey-audit.ts';
import { fundingSteps } from './journey-funding.ts';
import { identitySteps } from './journey-identity.ts';
import { kycSteps } from './journey-kyc.ts';
import { tradingSteps } from './journey-trading.ts';

export type JourneyOptions = {
  readonly url: string;
  readonly credentials: DemoCredentials;
  /** A folder with official list files, laid out as `ofac/…` and `un/…`; the demo list only without it. */
  readonly listsFolder: string | null;
  /** Tells runs on one server apart. */
  readonly runId: string;
  readonly nowMs: () => number;
};

/** What later steps need of earlier ones; a step fills in what it made. */
export type Journey = JourneyOptions & {
  readonly people: Map<string, Api>;
  customer: { api: Api; email: string; userId: string; accountId: string };
  depositId: string;
  auditFile: string;
  verifierKey: string;
};

export type Step = {
  readonly title: string;
  /** What came out, in a few words. */
  readonly run: (journey: Journey) => Promise<string>;
};

export type StepResult = { readonly title: string; readonly outcome: string; readonly ms: number };

export const JOURNEY_STEPS: readonly Step[] = [
  ...identitySteps,
  ...kycSteps,
  ...fundingSteps.credit,
  ...tradingSteps,
  ...fundingSteps.payout,
  ...auditSteps,
];

/**
 * Runs every step in order and stops at the first that does not hold.
 * @errors UnexpectedAnswer naming what was answered
 */
export async function runJourney(
  options: JourneyOptions,
  started: (title: string, index: number) => void,
  finished: (result: StepResult) => void,
): Promise<Journey> {
  const journey: Journey = {
    ...options,
    people: new Map(),
    // Nobody yet: the first step registers the customer.
    customer: { api: apiFor(options.url), email: '', userId: '', accountId: '' },
    depositId: '',
    auditFile: '',
    verifierKey: '',
  };
  for (const [index, step] of JOURNEY_STEPS.entries()) {
    started(step.title, index);
    const begun = performance.now();
    const outcome = await step.run(journey);
    finished({ title: step.title, outcome, ms: performance.now() - begun });
  }
  return journey;
}

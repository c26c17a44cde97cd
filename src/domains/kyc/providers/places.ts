import type { Id } from '../../../kernel/id.ts';

/** What a session's sealed address is bound to. */
export function urlPlace(sessionId: Id) {
  return { table: 'kyc_provider_sessions', column: 'url', rowId: sessionId };
}

/** What a session's sealed decision is bound to. */
export function decisionPlace(sessionId: Id) {
  return { table: 'kyc_provider_sessions', column: 'decision', rowId: sessionId };
}

/** Whoever opens a session and whoever takes an event of it do so one after the other. */
export function sessionLock(provider: string, sessionRef: string): string {
  return `kyc_provider_session:${provider}:${sessionRef}`;
}

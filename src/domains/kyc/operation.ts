import type { Role } from '../../kernel/actor.ts';

/** Who reviews applications. */
export const REVIEWERS = ['compliance_officer', 'mlro'] as const satisfies readonly Role[];

/** Who reads applications besides their applicant. */
export const READERS = [...REVIEWERS, 'auditor'] as const satisfies readonly Role[];

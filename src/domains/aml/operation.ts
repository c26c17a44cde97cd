import type { Role } from '../../kernel/actor.ts';

/** Who works on AML. */
export const OFFICERS = ['compliance_officer', 'mlro'] as const satisfies readonly Role[];

/** Who reads AML. */
export const READERS = [...OFFICERS, 'auditor'] as const satisfies readonly Role[];

/** What every operation of AML declares. */
export const AML_OPERATION = { tag: 'aml', category: 'compliance', restricted: true } as const;

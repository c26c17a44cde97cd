import { refusals } from '../../kernel/error.ts';
import { PLATFORM_PROBLEMS } from './problems.ts';

/** Throws one of the refusals every endpoint may give: `throw refuse('not_found')`. */
export const refuse = refusals(PLATFORM_PROBLEMS);

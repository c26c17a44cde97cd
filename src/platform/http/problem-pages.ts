import type { ProblemDefinition } from '../../kernel/error.ts';
import { type Operations, problemsOf } from './openapi.ts';
import { PLATFORM_PROBLEMS } from './problems.ts';

/** Every refusal of every operation, by code. */
export function allProblems(operations: Operations): ReadonlyMap<string, ProblemDefinition> {
  const problems = new Map<string, ProblemDefinition>(Object.entries(PLATFORM_PROBLEMS));
  for (const operation of operations) {
    for (const [code, definition] of Object.entries(problemsOf(operation))) {
      problems.set(code, definition);
    }
  }
  return new Map([...problems].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** The page behind a problem's `type`, as Markdown; undefined for an unknown code. */
export function problemPage(operations: Operations, code: string): string | undefined {
  const definition = allProblems(operations).get(code);
  if (definition === undefined) {
    return undefined;
  }
  const givers = operations
    .filter((operation) => code in problemsOf(operation))
    .map((operation) => `- \`${operation.method.toUpperCase()} ${operation.path}\`: ${operation.summary}`);
  return [
    `# ${code}`,
    '',
    `Status ${definition.status}. ${definition.title}.`,
    '',
    ...(givers.length === 0 ? ['Any operation may answer with it.'] : ['Given by:', '', ...givers]),
    '',
  ].join('\n');
}

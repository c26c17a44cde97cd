/** Says what is wrong with how a command was called and how it is right, and ends it with exit code 2. */
export function endAsWrongUse(command: string, reason: string, usage: string): never {
  process.stderr.write(`${command}: ${reason}\n\n${usage}`);
  process.exit(2);
}

/** What a parser of flags threw, as a reason. */
export function reasonOfFlags(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return reason.replace(/\. To specify a positional argument.*$/s, '');
}

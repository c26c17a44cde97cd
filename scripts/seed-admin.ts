/**
 * `bun run seed:admin --email A --first-name B --last-name C [--email …]`: invites the first two admins,
 * at once or one after the other; `bun run seed:admin --withdraw A` takes back an invitation nobody has
 * used. No password is given: each sets their own with the token printed here. Exit code 0 when done, 1
 * when refused, 2 on wrong use.
 */
import { z } from 'zod';
import { inviteAdmins, type NewAdmin, withdrawInvitation } from '../src/domains/identity/index.ts';
import { type System, withSystem } from './open-system.ts';

const USAGE = `Usage:
  bun run seed:admin --email ADDRESS --first-name NAME --last-name NAME [--email … for the second]
  bun run seed:admin --withdraw ADDRESS
`;

const name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^\P{Cc}*$/u);
const person = z.strictObject({ email: z.email().max(254), firstName: name, lastName: name });
const MEMBERS: Readonly<Record<string, keyof NewAdmin>> = {
  '--email': 'email',
  '--first-name': 'firstName',
  '--last-name': 'lastName',
};

const args = process.argv.slice(2);
const withdrawn = args[0] === '--withdraw' && args.length === 2 ? z.email().safeParse(args[1]) : undefined;
const people = readPeople(args);

if (withdrawn?.success === true) {
  await withSystem('seed:admin', (system) => withdraw(system, withdrawn.data));
} else if (people !== undefined) {
  await withSystem('seed:admin', (system) => invite(system, people));
} else {
  process.stderr.write(USAGE);
  process.exit(2);
}

async function invite({ config, ctx }: System, admins: readonly NewAdmin[]): Promise<number> {
  const invitations = await inviteAdmins(ctx, admins);
  const mailed = config.smtp === null ? '' : ' A mail with it is on its way.';
  for (const { email, userId, token, expiresAt } of invitations) {
    process.stdout.write(
      `${email} is invited as an admin (user ${userId}).${mailed}
  Their token, good once until ${expiresAt}:  ${token}
  They set their password with it:
    curl -s ${ctx.deps.publicUrl}/v1/auth/password/reset -H 'Content-Type: application/json' \\
      -d '{"token":"${token}","password":"…"}'

`,
    );
  }
  process.stdout.write('Nobody acts as admin until two admins have enrolled a second factor.\n');
  return 0;
}

async function withdraw({ ctx }: System, email: string): Promise<number> {
  await withdrawInvitation(ctx, email);
  process.stdout.write(`The invitation of ${email} is withdrawn; another person can be invited.\n`);
  return 0;
}

/** Each `--email` begins a person; undefined where anything is missing, doubled or unknown. */
function readPeople(words: readonly string[]): readonly NewAdmin[] | undefined {
  const drafts: Partial<Record<keyof NewAdmin, string>>[] = [];
  for (let index = 0; index < words.length; index += 2) {
    const [member, value] = [MEMBERS[words[index] ?? ''], words[index + 1]];
    if (member === 'email') {
      drafts.push({});
    }
    const draft = drafts.at(-1);
    if (member === undefined || draft === undefined || draft[member] !== undefined || value === undefined) {
      return undefined;
    }
    draft[member] = value;
  }
  const read = z.array(person).min(1).max(2).safeParse(drafts);
  return read.success ? read.data : undefined;
}

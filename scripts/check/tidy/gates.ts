/** Who writes the gates that money obeys (I8): kyc, aml, and identity, whose rows they are. */
import ts from 'typescript';
import { fileRule, isProduct, nodesOf, type Rule } from './rule.ts';

const WRITERS = new Set(['changeGate', 'placeRestriction', 'liftRestriction', 'writeGate']);

const MAY_WRITE = /^src\/domains\/(?:identity|kyc|aml)\//;

const gateWriters = fileRule({
  name: 'only kyc and aml change gates',
  appliesTo: (path) => isProduct(path) && path.startsWith('src/') && !MAY_WRITE.test(path),
  findIn: (file) =>
    nodesOf(file, ts.isImportSpecifier)
      .filter((node) => WRITERS.has((node.propertyName ?? node.name).text))
      .map((node) => ({ at: node, says: `${node.getText(file.tree)} is for kyc and aml` })),
  planted: [
    { 'src/domains/funding/a.ts': "import { changeGate } from '../identity/index.ts';" },
    { 'src/domains/trading/a.ts': "import { liftRestriction as lift } from '../identity/index.ts';" },
    { 'src/start/a.ts': "import { placeRestriction } from '../domains/identity/index.ts';" },
  ],
  clean: [
    { 'src/domains/aml/a.ts': "import { changeGate } from '../identity/index.ts';" },
    { 'src/domains/kyc/reviews/a.ts': "import { placeRestriction } from '../../identity/index.ts';" },
    { 'src/domains/funding/a.ts': "import { gateRefusal, lockGates } from '../identity/index.ts';" },
    { 'src/testing/set-gate.ts': "import { changeGate } from '../domains/identity/index.ts';" },
  ],
});

const ROW_WRITES = new Set(['insert', 'update', 'delete', 'insertRows']);

const SQL_WRITE = /\b(?:update|insert\s+into|delete\s+from|merge\s+into)\s+(?:only\s+)?"?customer_gates\b/i;

/** Whether a call writes the row: by the query builder, or by SQL in a template. */
function writesGate(node: ts.Node, tree: ts.SourceFile): boolean {
  if (ts.isCallExpression(node)) {
    const { expression } = node;
    const name = ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText(tree);
    return ROW_WRITES.has(name) && node.arguments.some((given) => given.getText(tree) === 'customerGates');
  }
  return SQL_WRITE.test(node.getText(tree));
}

const gateRows = fileRule({
  name: 'only identity writes rows of gates',
  appliesTo: (path) =>
    isProduct(path) && path.startsWith('src/') && !path.startsWith('src/domains/identity/'),
  findIn: (file) =>
    [
      ...nodesOf(file, ts.isCallExpression),
      ...nodesOf(file, ts.isTemplateLiteral),
      ...nodesOf(file, ts.isStringLiteral),
    ]
      .filter((node) => writesGate(node, file.tree))
      .map((node) => ({
        at: node,
        says: 'a gate is changed by changeGate, placeRestriction or liftRestriction',
      })),
  planted: [
    { 'src/domains/kyc/a.ts': 'await tx.update(customerGates).set({ screening: "clear" });' },
    { 'src/domains/aml/a.ts': 'await tx.insert(customerGates).values({ userId });' },
    { 'src/domains/aml/a.ts': 'await insertRows(tx, customerGates, rows);' },
    { 'src/domains/funding/a.ts': "await tx.execute(sql`update customer_gates set screening = 'clear'`);" },
    { 'src/domains/risk/a.ts': "await client.unsafe('insert into customer_gates values (1)');" },
  ],
  clean: [
    { 'src/domains/identity/a.ts': 'await tx.update(customerGates).set({ agreementsCurrent: true });' },
    { 'src/domains/aml/a.ts': 'await tx.select().from(customerGates).where(eq(customerGates.userId, id));' },
    { 'src/domains/kyc/a.ts': 'await tx.execute(sql`select user_id from customer_gates`);' },
    { 'src/domains/kyc/a.ts': 'await tx.update(users).set({ status }).where(eq(users.id, id));' },
  ],
});

/** The rules about gates. */
export const gateRules: readonly Rule[] = [gateWriters, gateRows];

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

/** The rules about gates. */
export const gateRules: readonly Rule[] = [gateWriters];

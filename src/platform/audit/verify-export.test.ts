import { beforeAll, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import { formatVerifierKey, NoteError, noteSigner, signCheckpoint, verifierOf } from './checkpoint.ts';
import { collectFindings, describeFinding, type Finding } from './export-findings.ts';
import { formatExportLine, parseExportLine } from './export-format.ts';
import { partHash } from './leaf.ts';
import { exportLines, SAMPLE_KEY, SAMPLE_ORIGIN, SAMPLE_SIGNER, sampleLog } from './sample-log.ts';
import { type ExportReport, type VerifyOptions, verifyExport } from './verify-export.ts';

type Line = { [key: string]: Json | undefined };

const SIZE = 700;
const log = sampleLog(SIZE);
const stranger = noteSigner(SAMPLE_ORIGIN, new Uint8Array(32).fill(8));
const whole = { range: { begin: 0, end: SIZE } };
const middle = { range: { begin: 100, end: 600 } };
const chosen = log.rows.filter((row) => row.sequence % 37 === 3);
let full: string[];
let part: string[];
let filtered: string[];

beforeAll(async () => {
  full = await exportLines(log, whole);
  part = await exportLines(log, middle, log.rows.slice(100, 600));
  filtered = await exportLines(log, { filters: { event: 'x' }, earlierSizes: [0, 200, SIZE] }, chosen);
});

function verify(lines: readonly string[], options: VerifyOptions = {}): Promise<ExportReport> {
  return verifyExport(lines, { verifierKeys: [SAMPLE_KEY], ...options });
}

/** What a promise was rejected with; undefined when it was not. */
function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function codes(report: ExportReport): string[] {
  return [...new Set(report.findings.map((finding) => finding.code))].sort();
}

function named(report: ExportReport, code: string): (number | undefined)[][] {
  return report.findings
    .filter((finding) => finding.code === code)
    .map((finding) => [finding.sequence, finding.through ?? finding.sequence]);
}

function edit(line: string, change: (line: Line) => void): string {
  const value = JSON.parse(line) as Line;
  change(value);
  return canonicalJson(value);
}

function at(lines: readonly string[], sequence: number): number {
  return lines.findIndex((line) => line.includes('"type":"row"') && line.includes(`"sequence":${sequence},`));
}

function editRow(lines: readonly string[], sequence: number, change: (line: Line) => void): string[] {
  return lines.with(at(lines, sequence), edit(lines[at(lines, sequence)] ?? '', change));
}

const otherOutcome = (line: Line): void => {
  line.public = { ...(line.public as Line), outcome: 'failure' };
};

/** What an attacker without the key can do to make the file close again: count, last row and digest. */
function reclose(lines: readonly string[]): string[] {
  const before = lines.slice(0, -1);
  const rows = before.filter((line) => line.includes('"type":"row"'));
  const digest = createHash('sha256').update(before.map((line) => `${line}\n`).join(''), 'utf8');
  const trailer = edit(lines.at(-1) ?? '', (line) => {
    line.rows = rows.length;
    line.last = (JSON.parse(rows.at(-1) ?? '') as Line).sequence;
    line.sha256 = digest.digest('base64');
    line.seal = undefined;
  });
  return [...before, trailer];
}

describe('what holds', () => {
  test('a whole log, a range and a filtered export hold under the key of the log', async () => {
    for (const [lines, rows] of [
      [full, SIZE],
      [part, 500],
      [filtered, chosen.length],
    ] as const) {
      const report = await verify(lines);
      expect(report.findings).toEqual([]);
      expect(report).toMatchObject({
        holds: true,
        rows,
        signature: 'valid',
        sealed: 'valid',
        findingCount: 0,
      });
    }
  });

  test('ranges of every kind of edge hold', async () => {
    for (const [begin, end] of [
      [0, 0],
      [5, 5],
      [SIZE, SIZE],
      [0, 1],
      [255, 257],
      [256, 512],
      [512, 700],
      [699, 700],
    ]) {
      const range = { begin: begin as number, end: end as number };
      const report = await verify(await exportLines(log, { range }, log.rows.slice(begin, end)));
      expect(report.findings).toEqual([]);
      expect(report.rows).toBe(range.end - range.begin);
    }
  });

  test('logs of every size around a block hold, whole and by rows', async () => {
    for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 513]) {
      const small = sampleLog(size);
      expect((await verify(await exportLines(small, { range: { begin: 0, end: size } }))).findings).toEqual(
        [],
      );
      expect((await verify(await exportLines(small, {}))).findings).toEqual([]);
    }
  });

  test('without a key the report says whose key the file claims and proves no origin', async () => {
    const report = await verifyExport(full);
    expect(report).toMatchObject({ holds: true, signature: 'own_key', sealed: 'own_key' });
  });

  test('a withheld row keeps the rows around it proven', async () => {
    const rows = log.rows.with(300, { sequence: 300, content: { withheld: 'not_chosen' } });
    const lines = await exportLines(log, whole, rows);
    expect(lines[at(lines, 300)]).toBe('{"sequence":300,"type":"row","withheld":"not_chosen"}');
    expect(await verify(lines)).toMatchObject({ holds: true, rows: SIZE, withheld: 1 });
  });

  test('a row the writer no longer had is named, whatever reason the file gives for it', async () => {
    for (const reason of ['missing', 'the row is missing from the database', 'restricted', '']) {
      const rows = log.rows.with(300, { sequence: 300, content: { withheld: reason } });
      const report = await verify(await exportLines(log, whole, rows));
      expect(report.holds).toBe(false);
      expect(report.findings).toMatchObject([{ code: 'row_missing', sequence: 300, checkpoint: SIZE }]);
    }
  });

  test('a personal part that is shown is bound to the row as its hash is', async () => {
    const shown = JSON.parse(full[at(full, 4)] ?? '') as Line;
    const hidden = JSON.parse(full[at(full, 5)] ?? '') as Line;
    expect(shown.personal).toEqual({ ip: '192.0.2.4' });
    expect(hidden).not.toHaveProperty('personal');
    const lied = editRow(full, 4, (line) => {
      line.personal = { ip: '192.0.2.5' };
    });
    expect(named(await verify(lied), 'row_altered')).toEqual([[4, 4]]);
    const replaced = editRow(full, 5, (line) => {
      line.personalHash = Buffer.from(partHash(new Uint8Array(16), null)).toString('base64');
    });
    expect(named(await verify(replaced), 'row_altered')).toEqual([[5, 5]]);
  });

  test('every line is read back to what was written', () => {
    for (const line of [...full, ...filtered]) {
      expect(formatExportLine(parseExportLine(line))).toBe(`${line}\n`);
    }
  });
});

describe('edited', () => {
  test('a row with another content is named', async () => {
    const report = await verify(editRow(full, 321, otherOutcome));
    expect(named(report, 'row_altered')).toEqual([[321, 321]]);
    expect(codes(report)).toEqual(['digest_mismatch', 'row_altered']);
  });

  test('a row is named although count, digest and last row were made to fit', async () => {
    const report = await verify(reclose(editRow(full, 321, otherOutcome)));
    expect(named(report, 'row_altered')).toEqual([[321, 321]]);
    const own = await verify(reclose(editRow(filtered, 114, otherOutcome)));
    expect(named(own, 'row_altered')).toEqual([[114, 114]]);
  });

  test('a row is found without any key', async () => {
    const report = await verifyExport(reclose(editRow(part, 321, otherOutcome)));
    expect(named(report, 'row_altered')).toEqual([[321, 321]]);
  });

  test('a row whose block was made to fit is narrowed to its block of 256', async () => {
    const edited = editRow(full, 321, otherOutcome);
    const forged = sampleLog(SIZE, 'b', 321);
    const tile = edited.findIndex((line) => line.includes('"index":1,'));
    const hashes = Array.from({ length: 256 }, (_, slot) => Buffer.from(forged.read(0, 256 + slot)));
    const lines = edited.with(
      tile,
      edit(edited[tile] ?? '', (line) => {
        line.hashes = Buffer.concat(hashes).toString('base64');
      }),
    );
    const report = await verify(reclose(lines));
    expect(named(report, 'block_unproven')).toEqual([[256, 511]]);
  });

  test('a salt, a sequence, a header and a trailer are covered', async () => {
    const salt = editRow(full, 9, (line) => {
      line.publicSalt = Buffer.alloc(16, 200).toString('base64');
    });
    expect(named(await verify(salt), 'row_altered')).toEqual([[9, 9]]);
    const period = full.with(
      0,
      edit(full[0] ?? '', (line) => {
        line.to = '2026-01-01T00:00:00Z';
      }),
    );
    expect(codes(await verify(period))).toEqual(['digest_mismatch']);
    expect(codes(await verify(reclose(period)))).toEqual(['seal_missing']);
    const recount = full.with(
      -1,
      edit(full.at(-1) ?? '', (line) => {
        line.rows = 699;
      }),
    );
    expect(codes(await verify(recount))).toEqual(['count_mismatch', 'seal_invalid']);
  });

  test('a second spelling of a line is refused, so that no reader sees another value', async () => {
    const row = full[at(full, 12)] ?? '';
    for (const spelled of [
      row.replace('{', '{ '),
      row.replace('{', '{"type":"row",'),
      `${row}\r`,
      '[]',
      'null',
      '',
    ]) {
      const report = await verify(full.with(at(full, 12), spelled));
      expect(codes(report)).toContain('line_malformed');
      expect(named(report, 'row_missing')).toEqual([[12, 12]]);
    }
  });
});

describe('deleted', () => {
  test('a member no proof covers is refused on every line', async () => {
    for (const at of [0, 1, 2, full.length - 1]) {
      const lines = full.with(
        at,
        edit(full[at] ?? '', (line) => {
          line.approvedBy = 'nobody';
        }),
      );
      const report = await verify(lines, { verifierKeys: [] });
      expect(report.findings.map(({ line }) => line)).toContain(at + 1);
      expect(report.holds).toBe(false);
    }
  });

  test('rows taken out of a range are named', async () => {
    const gone = full.toSpliced(at(full, 321), 3);
    for (const lines of [gone, reclose(gone)]) {
      expect(named(await verify(lines), 'row_missing')).toEqual([[321, 323]]);
    }
  });

  test('a row taken out of a filtered export is named by the next', async () => {
    const report = await verify(reclose(filtered.toSpliced(at(filtered, 114), 1)));
    expect(named(report, 'row_missing')).toEqual([[114, 114]]);
  });

  test('a row hidden from a filtered export by rewriting its neighbour breaks the seal', async () => {
    const gone = filtered.toSpliced(at(filtered, 114), 1);
    const lines = editRow(gone, 151, (line) => {
      line.previous = 77;
    });
    expect(codes(await verify(lines))).toEqual(['count_mismatch', 'digest_mismatch']);
    expect(codes(await verify(reclose(lines)))).toEqual(['seal_missing']);
    const stolen = reclose(lines).with(
      -1,
      edit(reclose(lines).at(-1) ?? '', (line) => {
        line.seal = (JSON.parse(filtered.at(-1) ?? '') as Line).seal;
      }),
    );
    expect(codes(await verify(stolen))).toEqual(['seal_invalid']);
  });

  test('a whole block with or without its hashes is named', async () => {
    const tile = full.findIndex((line) => line.includes('"index":1,'));
    expect(named(await verify(reclose(full.toSpliced(tile, 257))), 'row_missing')).toEqual([[256, 511]]);
    const report = await verify(reclose(full.toSpliced(tile, 1)));
    expect(named(report, 'block_unproven')).toEqual([[256, 511]]);
    expect(named(report, 'row_unproven')).toEqual([[256, 511]]);
  });
});

describe('inserted', () => {
  test('a row put in under a sequence that exists is named', async () => {
    const copy = edit(full[at(full, 321)] ?? '', otherOutcome);
    const report = await verify(reclose(full.toSpliced(at(full, 321) + 1, 0, copy)));
    expect(named(report, 'row_inserted')).toEqual([[321, 321]]);
    expect(named(report, 'row_altered')).toEqual([[321, 321]]);
  });

  test('a row put in with all later rows renumbered is named, and so are they', async () => {
    const from = at(full, 700 - 10);
    const renumbered = full.slice(from, -1).map((line) =>
      edit(line, (row) => {
        row.sequence = (row.sequence as number) + 1;
      }),
    );
    const forged = edit(full[from] ?? '', otherOutcome);
    const report = await verify(reclose([...full.slice(0, from), forged, ...renumbered, full.at(-1) ?? '']));
    expect(named(report, 'row_altered')).toEqual([[690, 690]]);
    expect(named(report, 'row_moved').flat()).toContain(691);
    expect(named(report, 'row_inserted')).toEqual([[700, 700]]);
  });

  test('a true row of the log that the filter did not choose is named', async () => {
    const all = await exportLines(log, {});
    const extra = all[at(all, 100)] ?? '';
    const report = await verify(reclose(filtered.toSpliced(at(filtered, 114), 0, extra)));
    expect(named(report, 'row_inserted')).toContainEqual([100, 100]);
  });

  test('a forged row in a filtered export is named', async () => {
    const forged = edit(filtered[at(filtered, 114)] ?? '', (line) => {
      otherOutcome(line);
      line.sequence = 120;
      line.previous = 114;
    });
    const lines = editRow(filtered.toSpliced(at(filtered, 114) + 1, 0, forged), 151, (line) => {
      line.previous = 120;
    });
    expect(named(await verify(reclose(lines)), 'row_altered')).toEqual([[120, 120]]);
  });
});

describe('reordered', () => {
  test('two lines exchanged are named', async () => {
    const [one, two] = [at(full, 321), at(full, 330)];
    const lines = full.with(one, full[two] ?? '').with(two, full[one] ?? '');
    const report = await verify(reclose(lines));
    expect(codes(report)).toEqual(['row_out_of_order', 'seal_missing']);
    expect(named(report, 'row_out_of_order').flat()).toContain(321);
    const [left, right] = [at(filtered, 114), at(filtered, 151)];
    const swapped = filtered.with(left, filtered[right] ?? '').with(right, filtered[left] ?? '');
    expect(named(await verify(reclose(swapped)), 'row_out_of_order').flat()).toContain(114);
  });

  test('two rows that exchange their sequence numbers are named with where they were logged', async () => {
    const renumber = (to: number) => (line: Line) => {
      line.sequence = to;
    };
    const one = edit(full[at(full, 330)] ?? '', renumber(321));
    const two = edit(full[at(full, 321)] ?? '', renumber(330));
    const report = await verify(reclose(full.with(at(full, 321), one).with(at(full, 330), two)));
    expect(report.findings.map(describeFinding).slice(0, 2)).toEqual([
      `row_moved row 321 (line 325): its content was logged as row 330, under checkpoint ${SIZE}`,
      `row_moved row 330 (line 334): its content was logged as row 321, under checkpoint ${SIZE}`,
    ]);
  });

  test('a row carried into another block is named', async () => {
    const row = full[at(full, 100)] ?? '';
    const without = full.toSpliced(at(full, 100), 1);
    const report = await verify(reclose(without.toSpliced(at(without, 400), 0, row)));
    expect(named(report, 'row_missing')).toEqual([[100, 100]]);
    expect(named(report, 'row_out_of_order')).toEqual([[100, 100]]);
  });
});

describe('cut off', () => {
  test('a tail cut with its trailer is named', async () => {
    const report = await verify(full.slice(0, at(full, 650)));
    expect(named(report, 'row_missing')).toEqual([[650, 699]]);
    expect(codes(report)).toContain('trailer_missing');
    const early = await verify(full.slice(0, at(full, 200)));
    expect(named(early, 'row_missing')).toEqual([[200, 699]]);
    expect(codes(await verify(filtered.slice(0, -3)))).toEqual(['trailer_missing']);
  });

  test('a tail cut before the trailer is named', async () => {
    const trailer = full.at(-1) ?? '';
    const report = await verify([...full.slice(0, at(full, 650)), trailer]);
    expect(named(report, 'row_missing')).toContainEqual([650, 699]);
    const own = await verify([...filtered.slice(0, at(filtered, 632)), filtered.at(-1) ?? '']);
    expect(named(own, 'row_missing')).toEqual([[669, 669]]);
  });

  test('a range made smaller to hide its tail lacks the seal of the log', async () => {
    const shorter = await exportLines(log, { range: { begin: 0, end: 650 } }, log.rows.slice(0, 650));
    expect(codes(await verify(reclose(shorter)))).toEqual(['seal_missing']);
  });

  test('what follows the trailer is refused', async () => {
    expect(codes(await verify([...full, full[5] ?? '']))).toEqual(['content_after_trailer']);
  });

  test('an empty file, a file without header and a broken header are refused', async () => {
    expect(codes(await verify([]))).toEqual(['header_invalid']);
    expect(codes(await verify(full.slice(1)))).toEqual(['header_invalid']);
    expect((await verify(['{'])).holds).toBe(false);
    const bounds: readonly ((line: Line) => void)[] = [
      (line) => {
        line.end = SIZE + 1;
      },
      (line) => {
        line.begin = 3;
      },
      (line) => {
        line.origin = 'another.example';
      },
    ];
    for (const change of bounds) {
      expect(codes(await verify(full.with(0, edit(full[0] ?? '', change))))).toEqual(['header_invalid']);
    }
  });
});

describe('forged', () => {
  const forged = sampleLog(SIZE, 'b', 400);

  test('a log rebuilt without the key is refused', async () => {
    const checkpoint = forged.checkpoint(SIZE, stranger);
    const lines = await exportLines(forged, { ...whole, checkpoint, sealer: stranger });
    const report = await verify(lines);
    expect(codes(report)).toEqual(['seal_invalid', 'signature_invalid']);
    expect(report.signature).toBe('invalid');
  });

  test('a checkpoint exchanged in the header alone is refused', async () => {
    const lines = full.with(
      0,
      edit(full[0] ?? '', (line) => {
        line.checkpoint = forged.checkpoint();
      }),
    );
    expect(codes(await verify(lines))).toEqual(
      expect.arrayContaining(['block_unproven', 'checkpoint_changed', 'digest_mismatch']),
    );
  });

  test('a checkpoint that is no note is refused', async () => {
    const lines = full.with(
      0,
      edit(full[0] ?? '', (line) => {
        line.checkpoint = 'nonsense\n';
      }),
    );
    expect(codes(await verify(lines))).toEqual(['checkpoint_invalid']);
  });

  test('subtrees beside the range that do not fit are refused', async () => {
    const wrong = part.with(
      -1,
      edit(part.at(-1) ?? '', (line) => {
        line.right = (line.right as string[]).toReversed();
      }),
    );
    expect(codes(await verify(wrong))).toEqual(['edges_altered']);
    const absent = part.with(
      -1,
      edit(part.at(-1) ?? '', (line) => {
        line.right = undefined;
      }),
    );
    expect(codes(await verify(absent))).toEqual(['edges_altered']);
  });
});

describe('against a checkpoint kept from before', () => {
  test('a log that only grew is consistent, by the file itself or by a consistency proof', async () => {
    for (const size of [0, 1, 255, 256, 300, 512, 699, 700]) {
      expect(await verify(full, { earlier: log.checkpoint(size) })).toMatchObject({
        holds: true,
        earlier: 'consistent',
      });
    }
    for (const size of [100, 101, 256, 600, 700]) {
      expect((await verify(part, { earlier: log.checkpoint(size) })).earlier).toBe('consistent');
    }
    expect((await verify(filtered, { earlier: log.checkpoint(200) })).earlier).toBe('consistent');
  });

  test('a size from which the file proves nothing is not passed over', async () => {
    for (const [lines, size] of [
      [part, 50],
      [part, 650],
      [filtered, 201],
    ] as const) {
      const report = await verify(lines, { earlier: log.checkpoint(size) });
      expect(report).toMatchObject({ holds: false, earlier: 'unproven' });
    }
  });

  test('a replaced tree is named although the log signed it and every row fits it', async () => {
    const other = sampleLog(SIZE, 'b', 150);
    const lines = await exportLines(other, whole);
    expect((await verify(lines)).holds).toBe(true);
    for (const size of [151, 256, 300, SIZE]) {
      const report = await verify(lines, { earlier: log.checkpoint(size) });
      expect(report).toMatchObject({ holds: false, earlier: 'replaced' });
      expect(codes(report)).toEqual(['log_replaced']);
    }
    expect((await verify(lines, { earlier: log.checkpoint(150) })).earlier).toBe('consistent');
    const rows = await exportLines(other, { earlierSizes: [200] }, other.rows.slice(0, 5));
    expect((await verify(rows, { earlier: log.checkpoint(200) })).earlier).toBe('replaced');
  });

  test('a tree rolled back is not taken for an older file, and is a replaced one when it grew again', async () => {
    const cut = sampleLog(500);
    const lines = await exportLines(cut, { range: { begin: 0, end: 500 } });
    const report = await verify(lines, { earlier: log.checkpoint(SIZE) });
    expect(report).toMatchObject({ holds: false, earlier: 'newer' });
    expect(codes(report)).toEqual(['newer_checkpoint_unproven']);
    expect(report.findings[0]?.detail).toContain('rolled back');
    expect(report.findings[0]?.detail).toContain(`consistency?from=500&to=${SIZE}`);
    const regrown = sampleLog(SIZE + 50, 'b', 500);
    const again = await exportLines(regrown, { range: { begin: 0, end: SIZE + 50 } });
    expect((await verify(again, { earlier: log.checkpoint(SIZE) })).earlier).toBe('replaced');
  });

  test('another origin is a replaced log, and a checkpoint by another key is none of the log', async () => {
    const origin = signCheckpoint({ origin: 'other.example', size: 5, root: log.root(5) }, SAMPLE_SIGNER);
    expect((await verify(full, { earlier: origin })).earlier).toBe('replaced');
    expect((await verify(full, { earlier: log.checkpoint(5, stranger) })).earlier).toBe('invalid');
  });

  test('the key of another log that was given too signs nothing for this one', async () => {
    const other = noteSigner('other.example', new Uint8Array(32).fill(9));
    const keys = [SAMPLE_KEY, formatVerifierKey(verifierOf(other))];
    const forged = signCheckpoint({ origin: SAMPLE_ORIGIN, size: SIZE, root: log.root(SIZE) }, other);
    const lines = reclose([
      edit(full[0] ?? '', (header) => {
        header.checkpoint = forged;
      }),
      ...full.slice(1, -1),
      edit(full.at(-1) ?? '', (trailer) => {
        trailer.checkpoint = forged;
      }),
    ]);
    const report = await verify(lines, { verifierKeys: keys });
    expect([report.signature, report.holds]).toEqual(['invalid', false]);
    const earlier = signCheckpoint({ origin: SAMPLE_ORIGIN, size: 5, root: log.root(5) }, other);
    expect((await verify(full, { verifierKeys: keys, earlier })).earlier).toBe('invalid');
    expect((await verify(full, { verifierKeys: keys, earlier: log.checkpoint(5) })).earlier).toBe(
      'consistent',
    );
  });

  test('a key or an earlier checkpoint that is none is the caller’s fault', async () => {
    expect(await refusal(verify(full, { earlier: 'nonsense' }))).toBeInstanceOf(NoteError);
    expect(await refusal(verify(full, { verifierKeys: ['nonsense'] }))).toBeInstanceOf(NoteError);
  });
});

describe('writing', () => {
  test('rows out of sequence, missing from the range or beyond the checkpoint are never written', async () => {
    const reversed = log.rows.slice(0, 3).toReversed();
    expect(String(await refusal(exportLines(log, {}, reversed)))).toContain('in sequence');
    expect(String(await refusal(exportLines(log, whole, log.rows.toSpliced(5, 1))))).toContain(
      'without gaps',
    );
    expect(String(await refusal(exportLines(log, whole, log.rows.slice(0, 5))))).toContain('complete');
    expect(String(await refusal(exportLines(log, { checkpoint: log.checkpoint(10) })))).toContain(
      'under the checkpoint',
    );
    const withheld = [{ sequence: 0, content: { withheld: 'restricted' } }];
    expect(String(await refusal(exportLines(log, {}, withheld)))).toContain('withheld');
  });
});

describe('findings', () => {
  test('are bounded, counted in full and joined where rows are neighbours', () => {
    const findings = collectFindings(2);
    const altered = (sequence: number): Finding => ({ code: 'row_altered', sequence, detail: 'x' });
    for (const sequence of [1, 2, 3, 5, 7, 8, 9, 11]) {
      findings.add(altered(sequence));
    }
    expect(findings.list().map((finding) => [finding.sequence, finding.through])).toEqual([
      [1, 3],
      [5, undefined],
    ]);
    expect(findings.count()).toBe(4);
  });

  test('of a file of noise stay bounded', async () => {
    const noise = Array.from({ length: 5000 }, (_, line) => `noise ${line}`);
    const report = await verify([full[0] ?? '', ...noise]);
    expect(report.findings.length).toBeLessThanOrEqual(200);
    expect(report.findingCount).toBeGreaterThan(5000);
  });
});

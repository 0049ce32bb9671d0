import 'reflect-metadata';

import { beforeEach, describe, expect, it } from '@jest/globals';

import { ExportFileKind, type ExportFileRow } from '../../../src/exports/export-file.js';
import {
  ExportPreviews,
  type PreviewOrigin,
} from '../../../src/exports/preview/export-previews.js';
import { createLogger } from '../../../src/logger.js';
import type { FileStart } from '../../../src/storage/file-reader.js';
import { fileRow } from '../../support/rows.js';

const { CSV } = ExportFileKind;
const content: FileStart = { bytes: Buffer.from('a\n1\n2\n'), isWhole: true };

/** A read that the storage has not responded to. */
interface Read {
  readonly key: string;
  readonly signal: AbortSignal;
  readonly respond: (start: FileStart | null | Promise<never>) => void;
}

describe('the previews of a gateway', () => {
  let reads: Read[];
  let outcomes: string[];
  let previews: ExportPreviews;
  beforeEach(() => {
    reads = [];
    outcomes = [];
    const readStart = ({ objectKey: key }: { objectKey: string }, _: number, signal: AbortSignal) =>
      new Promise<FileStart | null>((respond) => reads.push({ key, signal, respond }));
    const onRead = ({ outcome }: { outcome: string }) => outcomes.push(outcome);
    previews = new ExportPreviews({ readStart }, { logger: createLogger('silent'), onRead });
  });

  function preview(
    file: Partial<ExportFileRow> = {},
    { rows = 10, organization = 'org_demo', isAbandoned = false }: { rows?: number } & Partial<PreviewOrigin> = {}, // prettier-ignore
  ) {
    return previews.read(fileRow(0, CSV, file), rows, { organization, isAbandoned });
  }
  /** Responds to the reads so far, and returns their number. */
  async function respond(start: FileStart | null | Promise<never> = content): Promise<number> {
    await Promise.resolve();
    const waiting = reads.splice(0);
    for (const read of waiting) read.respond(start);
    return waiting.length;
  }

  it('share a read while it runs and afterwards, whatever their number of rows', async () => {
    const [one, two] = [preview({}, { rows: 1 }), preview({}, { rows: 2, organization: 'b' })];
    expect(await respond()).toBe(1);
    expect(await one).toMatchObject({ rows: [['1']], isTruncated: true });
    expect(await two).toMatchObject({ rows: [['1'], ['2']], isTruncated: false });
    expect(await preview()).toMatchObject({ rows: [['1'], ['2']] });
    expect([reads, outcomes]).toEqual([[], ['success']]);
  });

  it.each([
    { sha256: 'b'.repeat(64) },
    { sizeBytes: 7 },
    { objectKey: 'b' },
    { kind: ExportFileKind.JSON },
  ])('read another file anew: %j', async (other) => {
    // prettier-ignore
    for (const file of [{}, other, {}]) {
      const read = preview(file);
      expect(await respond()).toBe(file === other || outcomes.length === 0 ? 1 : 0);
      await read;
    }
  });

  it('of a missing or unreadable file are null, and failures are not kept', async () => {
    const results = [null, { ...content, bytes: Buffer.from([0, 1, 2, 3]) }] as const;
    for (const [index, result] of results.entries()) {
      const read = preview({ objectKey: String(index) });
      await respond(result);
      expect(await read).toBeNull();
      expect(await preview({ objectKey: String(index) })).toBeNull();
    }
    const failing = preview();
    await respond(Promise.reject(new Error('the storage responded 403 AccessDenied')));
    await expect(failing).rejects.toMatchObject({ extensions: { code: 'SERVICE_UNAVAILABLE' } });
    const read = preview();
    await respond();
    expect(await read).toMatchObject({ rows: [['1'], ['2']] });
    expect(outcomes).toEqual(['missing', 'unreadable', 'failure', 'success']);
  });

  it('read at most 16 files at once', async () => {
    const all = Array.from({ length: 40 }, (_, index) => preview({ objectKey: `a${index}` }));
    await Promise.resolve();
    expect(reads).toHaveLength(16);
    while ((await respond()) > 0) await new Promise(setImmediate);
    await Promise.all(all);
    expect(outcomes).toHaveLength(40);
  });

  it('are not read for requests whose clients have disconnected meanwhile', async () => {
    const busy = Array.from({ length: 16 }, (_, index) => preview({ objectKey: `a${index}` }));
    const left = { organization: 'org_demo', isAbandoned: false };
    const [abandoned, shared] = ['b', 'c'].map((objectKey) =>
      previews.read(fileRow(0, CSV, { objectKey }), 10, left),
    );
    const stays = preview({ objectKey: 'c' });
    left.isAbandoned = true;
    await respond();
    await expect(abandoned).rejects.toThrow('The client disconnected.');
    expect(reads.map(({ key }) => key)).toEqual(['c']);
    await respond();
    await Promise.all([...busy, shared, stays]);
  });

  it('fail after two seconds, then at once but for one, until the storage responds', async () => {
    const slow = [preview({ objectKey: 'a' }), preview({ objectKey: 'b' })];
    for (const read of slow) await expect(read).rejects.toThrow('cannot be read right now');
    expect(reads.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    const aborted = Promise.reject(new Error('aborted'));
    await respond(aborted);
    await new Promise(setImmediate);

    const probe = preview({ objectKey: 'a' });
    await expect(preview({ objectKey: 'b' })).rejects.toThrow('cannot be read right now');
    expect(await respond()).toBe(1);
    await probe;
    const both = [preview({ objectKey: 'b' }), preview({ objectKey: 'c' })];
    expect(await respond()).toBe(2);
    await Promise.all(both);
    expect(outcomes).toEqual(['failure', 'failure', 'success', 'success', 'success']);
  });

  it('of one organization do not suffer from slow files of another', async () => {
    const slow = { organization: 'org_slow' };
    await expect(preview({ objectKey: 'a' }, slow)).rejects.toThrow('cannot be read right now');
    reads.splice(0);
    const probe = preview({ objectKey: 'a' }, slow);
    await expect(preview({ objectKey: 'b' }, slow)).rejects.toThrow('cannot be read right now');
    const other = preview({ objectKey: 'c' });
    expect(await respond()).toBe(2);
    expect(await Promise.all([probe, other])).toMatchObject([
      { columns: ['a'] },
      { columns: ['a'] },
    ]);
  });
});

import 'reflect-metadata';

import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { beforeEach, expect, it } from '@jest/globals';

import { describeWith } from '../support/describe-with.js';
import { mysql } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { codeBlocksOf } from './markdown.js';

const CONTENT = 'id,name\n1,Zoë\n';

const page = await readFile('docs/writing-exports.md', 'utf8');
/** The statements of each step that the page names, in order. */
const steps = new Map(
  codeBlocksOf(page).flatMap(({ language, code }) => {
    const [, name, sql] = /^-- ([\w ]+)\n([^]*)$/.exec(code) ?? [];
    if (language !== 'sql' || name === undefined || sql === undefined) return [];
    return [[name, sql.split(/;\n/).filter((each) => each !== '')] as const];
  }),
);

interface Export {
  readonly status: string;
  readonly progress: number | null;
  readonly updatedAt: string;
  readonly isExpired: boolean;
  readonly failureReason: string | null;
  readonly failureCode: string | null;
  readonly csvUrl: string | null;
  readonly files: readonly { readonly kind: string; readonly state: string }[];
}

describeWith('mysql', 'the steps of a worker in docs/writing-exports.md', () => {
  const gateway = useGateway(mysql, { each: true });
  const id = /'(exp_\w+)'/.exec(page)?.[1] ?? '';
  let lastUpdate = '';
  beforeEach(() => {
    lastUpdate = '';
  });

  /** On one connection, because some steps are transactions. */
  async function perform(step: string): Promise<void> {
    const connection = gateway.source.createQueryRunner();
    for (const sql of steps.get(step) ?? []) await connection.query(sql);
    await connection.release();
  }

  async function read(): Promise<Export | null> {
    const { data, errors } = await gateway.query<{
      export: Export | null;
      exports: { data: object[] };
    }>(
      `{ export(id: "${id}", includeCsv: true) {
           status progress updatedAt isExpired failureReason failureCode csvUrl files { kind state } }
         exports { data { id } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data.exports.data).toEqual(data.export === null ? [] : [{ id }]);
    return data.export;
  }

  /** Performs a step and expects what readers see: the status, and the state of the CSV and JSON. */
  async function expectAfter(
    step: string,
    status: string,
    csv: string,
    json = csv,
  ): Promise<Export> {
    await perform(step);
    const found = await read();
    if (found === null) throw new Error('There is no export');
    const states = Object.fromEntries(found.files.map(({ kind, state }) => [kind, state]));
    expect({ step, status: found.status, states }).toEqual({
      ...{ step, status },
      states: { CSV: csv, JSON: json, CSV_ERROR: json, CSV_SANITIZED: json },
    });
    // Each step moves the time, within one millisecond, too.
    expect(found.updatedAt > lastUpdate).toBe(true);
    lastUpdate = found.updatedAt;
    expect(found.csvUrl !== null).toBe(csv === 'READY');
    return found;
  }

  const storeObject = () => {
    const key = /'(exports\/\S+)'/.exec(page)?.[1] ?? '';
    return gateway.store(key, CONTENT);
  };

  it('are all that the page has', () => {
    expect([...steps.keys()]).toEqual(
      ['request', 'claim', 'progress', 'complete', 'expire', 'delete'].concat(
        ...['fail', 'retry', 'time out'],
      ),
    );
  });

  it('lead from a request to files, expiry and deletion', async () => {
    const shares: (number | null)[] = [];
    for (const [step, status] of [
      ['request', 'QUEUED'],
      ['claim', 'PROCESSING'],
      ['progress', 'PROCESSING'],
    ] as const) {
      shares.push((await expectAfter(step, status, 'PENDING')).progress);
    }
    expect(shares).toEqual([null, 0, 0.25]);
    await storeObject();
    const { csvUrl } = await expectAfter('complete', 'COMPLETED', 'READY', 'NOT_PRODUCED');
    const response = await fetch(csvUrl ?? '');
    expect(response.headers.get('content-disposition')).toContain('Contacts of November.csv');
    expect(await response.text()).toBe(CONTENT);
    const [file] = await gateway.source.query<{ sha256: string; size_bytes: unknown }[]>(
      'SELECT sha256, size_bytes FROM export_files',
    );
    expect(file?.sha256).toBe(hash('sha256', CONTENT));
    expect(Number(file?.size_bytes)).toBe(Buffer.byteLength(CONTENT));
    const { isExpired } = await expectAfter('expire', 'COMPLETED', 'EXPIRED', 'NOT_PRODUCED');
    expect(isExpired).toBe(true);
    await perform('delete');
    expect(await read()).toBeNull();
    expect(await gateway.source.query('SELECT * FROM export_files')).toEqual([]);
  });

  it('show a failure with its reason and code', async () => {
    for (const step of ['request', 'claim']) await perform(step);
    const { failureReason, failureCode } = await expectAfter('fail', 'FAILED', 'NOT_PRODUCED');
    expect(failureReason).toBe('The address list has 3 contacts without a country.');
    expect(failureCode).toBe('MISSING_COUNTRY');
  });

  it('queue an export again without the files of the attempt', async () => {
    for (const step of ['request', 'claim']) await perform(step);
    // A crash in front of the status, without the transaction.
    const [, insert = ''] = steps.get('complete') ?? [];
    await gateway.source.query(insert);
    expect(await read()).toMatchObject({ status: 'PROCESSING', csvUrl: expect.any(String) });
    await expectAfter('retry', 'QUEUED', 'PENDING');
    await expectAfter('claim', 'PROCESSING', 'PENDING');
  });

  it('time out what no worker updates, and nothing else', async () => {
    for (const step of ['request', 'claim']) await perform(step);
    await expectAfter('time out', 'PROCESSING', 'PENDING');
    await gateway.source.query('UPDATE exports SET updated_at = updated_at - INTERVAL 2 HOUR');
    lastUpdate = '';
    await expectAfter('time out', 'TIMED_OUT', 'NOT_PRODUCED');
  });

  it('change no export that is in another state', async () => {
    await perform('request');
    for (const step of ['progress', 'fail', 'retry', 'time out']) await perform(step);
    await expectAfter('claim', 'PROCESSING', 'PENDING');
    await storeObject();
    await perform('complete');
    for (const step of ['claim', 'progress', 'fail', 'retry', 'time out']) {
      await perform(step);
      const completed = { status: 'COMPLETED', failureReason: null, csvUrl: expect.any(String) };
      expect(await read()).toMatchObject(completed);
    }
  });
});

import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';

import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import Fastify from 'fastify';

import { ExportStatus } from '../../src/exports/export.js';
import { graphiqlExamples } from '../../src/http/graphiql-examples.js';
import { createGraphiql, type GraphiqlOptions } from '../../src/http/graphiql.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow } from '../support/rows.js';

const malicious = '# </script><script>alert(1)</script> <!-- <script> \n{ __typename }';

interface ExamplePage {
  readonly edges: readonly { readonly node: { readonly id: string } }[];
  readonly pageInfo: { readonly endCursor: string; readonly startCursor: string };
}

interface FilteredPage {
  readonly pagination: { readonly totalCount: number };
  readonly facets: { readonly statuses: readonly { status: string; count: number }[] };
}

/** A server that sends only the page. */
function serve(findExampleId: GraphiqlOptions['findExampleId']) {
  const server = Fastify();
  server.get('/graphql', createGraphiql({ findExampleId }));
  return (headers: Record<string, string> = {}) => server.inject({ url: '/graphql', headers });
}

describe('the GraphiQL page', () => {
  afterEach(() => void jest.restoreAllMocks());
  const get = serve(async () => malicious);
  let html: string;
  /** As an HTML parser finds them: each ends at the first `</script`. */
  let scripts: string[];
  beforeAll(async () => {
    html = (await get()).payload;
    scripts = html
      .split(/<\/script[\s>]/i)
      .slice(0, -1)
      .map((part) => part.slice(part.indexOf('<script>') + '<script>'.length));
  });

  it('allows exactly its scripts, by their hashes', async () => {
    const policy = String((await get()).headers['content-security-policy']);
    const hashes = scripts.map(
      (script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`,
    );
    expect(/script-src ([^;]*)/.exec(policy)?.[1]).toBe(hashes.join(' '));
    expect(policy).not.toMatch(/unsafe-eval|https?:|\*/);
    expect(policy).toMatch(/^default-src 'none'; /);
  });

  it('has one script, which no embedded value can terminate', () => {
    const [script, ...others] = scripts;
    // JSON in JSON. Compared as booleans, because a failure would print megabytes.
    const variables = JSON.stringify({ id: malicious }, null, 2);
    const literal = JSON.stringify(variables).replaceAll('<', '\\u003c');
    expect([others.length, script?.includes(literal)]).toEqual([0, true]);
    expect(script?.slice(-100)).toMatch(/renderYogaGraphiQL\(.*, props\);\s$/);
  });

  it('loads nothing: every URL in its HTML is a data: URL', () => {
    const markup = html.replace(/<(script|style)>.*?<\/\1>/gs, '');
    const style = /<style>.*?<\/style>/s.exec(html)?.[0] ?? '';
    const urls = [
      ...markup.matchAll(/(?:src|href)="([^"]*)"/g),
      ...style.matchAll(/url\(["']?([^"')]*)/g),
    ];
    expect(urls.length).toBeGreaterThan(1);
    expect(urls.filter(([, url]) => !url?.startsWith('data:'))).toEqual([]);
  });

  it.each([
    ['br, gzip;q=0.8', true],
    ['GZIP', true],
    ['br', false],
    ['gzip; q=0.0, br', false],
  ])('with Accept-Encoding: %s, whether it is compressed is %s', async (encoding, isZipped) => {
    const { headers, rawPayload } = await get({ 'accept-encoding': encoding });
    expect(headers['content-encoding']).toBe(isZipped ? 'gzip' : undefined);
    const received = isZipped ? gunzipSync(rawPayload) : rawPayload;
    expect(received.toString() === html).toBe(true);
  });

  it('is revalidated by browsers, with an ETag for each encoding', async () => {
    const zipped = { 'accept-encoding': 'gzip' };
    expect((await get(zipped)).headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
    });
    const [etag, plainEtag] = [(await get(zipped)).headers.etag, (await get()).headers.etag];
    expect(etag).toMatch(/^"[\w-]+"$/);
    expect(plainEtag).not.toBe(etag);
    for (const known of [String(etag), `"other", W/${String(etag)}`]) {
      const again = await get({ ...zipped, 'if-none-match': known });
      expect([again.statusCode, again.payload]).toEqual([304, '']);
      expect(again.headers).toMatchObject({ etag });
    }
    expect((await get({ ...zipped, 'if-none-match': String(plainEtag) })).statusCode).toBe(200);
  });

  it('reads the example once, when it is first requested', async () => {
    const findExampleId = jest.fn(async () => 'exp_1');
    const getPage = serve(findExampleId);
    expect(findExampleId).not.toHaveBeenCalled();
    const pages = [...(await Promise.all([getPage(), getPage()])), await getPage()];
    expect(pages.map(({ payload }) => payload.includes('exp_1'))).toEqual([true, true, true]);
    expect(findExampleId).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('The database is away'))],
    ['hangs', () => new Promise<never>(() => undefined)],
  ])('has examples without an id while their query %s, and with one later', async (_, failure) => {
    const findExampleId = jest.fn(async () => 'exp_1').mockImplementationOnce(failure);
    const getPage = serve(findExampleId);
    const { statusCode, payload } = await getPage();
    expect([statusCode, payload.includes('query OneExport')]).toEqual([200, true]);
    expect(payload.includes('exp_1')).toBe(false);
    // Rendering takes half a second, so the page is sent for a while.
    expect((await getPage()).payload === payload).toBe(true);
    const later = Date.now() + 5_000;
    jest.spyOn(Date, 'now').mockReturnValue(later);
    expect((await getPage()).payload.includes('exp_1')).toBe(true);
    expect(findExampleId).toHaveBeenCalledTimes(2);
  });
});

describe('the examples of GraphiQL', () => {
  it.each([
    ['exp_1', ['OneExport', 'NewestExports']],
    [undefined, ['NewestExports', 'OneExport']],
  ])('begin with one that needs no id other than %s', (id, first) => {
    const examples = graphiqlExamples(id);
    const titles = examples.map(
      ({ query }) => /^# .*\n(?:query|subscription) (\w+)/s.exec(query)?.[1],
    );
    expect(titles).toEqual([...first, 'FilteredExports', 'MovingExports', 'FollowedExport']);
    for (const title of ['OneExport', 'FollowedExport']) {
      expect(examples[titles.indexOf(title)]).toMatchObject({ variables: { id: id ?? '' } });
    }
  });
});

describe('the examples of GraphiQL on the samples', () => {
  const gateway = useGateway(embedded, { config: { seedSamples: true } });
  const [newest, , filtered] = graphiqlExamples();

  it('list the newest exports and page both ways', async () => {
    const read = async (changes: object) => {
      const { data } = await gateway.query<{ exports: ExamplePage }>(newest?.query ?? '', {
        ...newest?.variables,
        ...changes,
      });
      return data.exports;
    };
    const first = await read({});
    const second = await read({ after: first.pageInfo.endCursor });
    const back = { first: null, last: 3, before: second.pageInfo.startCursor };
    expect(await read(back)).toMatchObject({
      edges: first.edges.map(({ node: { id } }) => ({ node: { id } })),
      pageInfo: { hasPreviousPage: false, hasNextPage: true },
    });
    const ids = [...first.edges, ...second.edges].map(({ node }) => node.id);
    expect(new Set(ids).size).toBe(6);
  });

  it('count the exports since a date, of which those filtered are a part', async () => {
    const { query = '', variables } = filtered ?? {};
    const { data, errors } = await gateway.query<{ exports: FilteredPage }>(query, variables);
    expect(errors).toBeUndefined();
    const { pagination, facets } = data.exports;
    const counts = new Map(facets.statuses.map(({ status, count }) => [status, count]));
    const ended = ['COMPLETED', 'FAILED', 'TIMED_OUT'].map((status) => counts.get(status) ?? 0);
    expect(pagination.totalCount).toBeGreaterThan(5);
    expect(ended.reduce((sum, count) => sum + count)).toBe(pagination.totalCount);
  });
});

describe('the page of a gateway without authentication', () => {
  const gateway = useGateway(embedded, {
    exports: [
      exportRow(0),
      exportRow(1),
      exportRow(2, { expiresAt: new Date('2026-01-01') }),
      exportRow(3, { status: ExportStatus.FAILED }),
    ],
  });

  it('begins with the newest completed export that has not expired, read with the first page', async () => {
    expect(gateway.log.filter(({ sql }) => /FROM exports/.test(String(sql)))).toEqual([]);
    const page = await gateway.send({ headers: ['accept', 'text/html'] });
    expect(page.statements).toHaveLength(1);
    expect(/\\"id\\": \\"(\w+)\\"/.exec(page.text)?.[1]).toBe(exportId(1));
    const again = await gateway.send({ headers: ['accept', 'text/html'] });
    expect(again.statements).toEqual([]);
  });

  it('is the target of the redirect from /', async () => {
    const headers = { location: '/graphql' };
    expect(await gateway.send({ path: '/' })).toMatchObject({ status: 302, headers });
  });
});

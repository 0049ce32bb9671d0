import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';

import { graphiqlExamples } from '../../src/http/graphiql-examples.js';
import {
  renderGraphiqlPage,
  sendGraphiqlPage,
  type GraphiqlPage,
} from '../../src/http/graphiql.js';

const malicious = '# </script><script>alert(1)</script> <!-- <script> \n{ __typename }';

describe('The GraphiQL page', () => {
  let page: GraphiqlPage;
  let server: FastifyInstance;
  /** The scripts as an HTML parser cuts them: each ends at the first `</script`. */
  let scripts: string[];

  beforeAll(async () => {
    page = await renderGraphiqlPage({
      examples: [...graphiqlExamples('exp_1'), { query: malicious, variables: { a: malicious } }],
      headers: '{ "X-API-Key": "</script>" }',
    });
    scripts = page.html
      .toString()
      .split(/<\/script[\s>]/i)
      .slice(0, -1)
      .map((part) => part.slice(part.indexOf('<script>') + '<script>'.length));
    server = Fastify();
    server.get('/graphql', (request, reply) => sendGraphiqlPage(request, reply, page));
  });

  afterAll(() => server.close());

  function get(headers: Record<string, string> = {}) {
    return server.inject({ url: '/graphql', headers });
  }

  test('allows exactly the scripts in it, by their hashes', async () => {
    const policy = String((await get()).headers['content-security-policy']);
    const hashes = scripts.map(
      (script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`,
    );

    expect(/script-src ([^;]*)/.exec(policy)?.[1]).toBe(hashes.join(' '));
    expect(policy).not.toMatch(/unsafe-eval|https?:|\*/);
    expect(policy).toMatch(/^default-src 'none'; /);
  });

  test('has one script, which no example and no header can end', () => {
    const [script, ...others] = scripts;
    const literal = JSON.stringify(malicious).slice(1, -1).replaceAll('<', '\\u003c');

    // Not the strings themselves: a failure would print megabytes.
    expect(others.length).toBe(0);
    expect(script?.includes(literal)).toBe(true);
    expect(script?.slice(-100)).toMatch(/renderYogaGraphiQL\(.*, props\);\s$/);
  });

  test('loads nothing: every address in its HTML is data', () => {
    const markup = page.html.toString().replace(/<(script|style)>.*?<\/\1>/gs, '');
    const style = /<style>.*?<\/style>/s.exec(page.html.toString())?.[0] ?? '';
    const addresses = [
      ...markup.matchAll(/(?:src|href)="([^"]*)"/g),
      ...style.matchAll(/url\(["']?([^"')]*)/g),
    ];

    expect(addresses.length).toBeGreaterThan(1);
    expect(addresses.filter(([, address]) => !address?.startsWith('data:'))).toEqual([]);
  });

  test('travels compressed to those who take gzip, and plain to the others', async () => {
    const zipped = await get({ 'accept-encoding': 'br, gzip;q=0.8' });
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(zipped.rawPayload).equals(page.html)).toBe(true);

    for (const encoding of ['', 'br', 'gzip;q=0', 'gzip; q=0.0, br']) {
      const plain = await get({ 'accept-encoding': encoding });
      expect(plain.headers['content-encoding']).toBeUndefined();
      expect(plain.rawPayload.equals(page.html)).toBe(true);
    }
  });

  test('is not sent again to those who have it, and each encoding has its own ETag', async () => {
    const zipped = { 'accept-encoding': 'gzip' };
    const [etag, plainEtag] = [(await get(zipped)).headers.etag, (await get()).headers.etag];
    expect(etag).toMatch(/^"[\w-]+"$/);
    expect(plainEtag).not.toBe(etag);

    for (const known of [String(etag), `"other", W/${String(etag)}`]) {
      const again = await get({ ...zipped, 'if-none-match': known });
      expect(again.statusCode).toBe(304);
      expect(again.rawPayload).toHaveLength(0);
      expect(again.headers).toMatchObject({ etag, vary: 'Accept, Accept-Encoding' });
    }
    expect((await get({ ...zipped, 'if-none-match': String(plainEtag) })).statusCode).toBe(200);
  });

  test('tells browsers to ask before they show it again, and to keep to its type', async () => {
    expect((await get()).headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      vary: 'Accept, Accept-Encoding',
    });
  });
});

describe('The examples in GraphiQL', () => {
  test('begin with the export whose id is known', () => {
    expect(graphiqlExamples('exp_1')[0]).toMatchObject({ variables: { id: 'exp_1' } });
  });

  test('begin with one that needs no id when none is known', () => {
    const [first, ...others] = graphiqlExamples();
    expect(first?.variables).toBeUndefined();
    expect(first?.query).toContain('exports(');
    expect(others).toHaveLength(4);
  });

  test('each open with a comment and name their operation', () => {
    for (const { query } of graphiqlExamples()) expect(query).toMatch(/^# .*\nquery [A-Z]\w+/s);
  });
});

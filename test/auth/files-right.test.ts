import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';
import { apiKeyRow, keyNamed, signToken, tokensAccepted } from './credentials.js';

const [unrestricted, noFiles] = [keyNamed('unrestricted'), keyNamed('no files')];
async function bearer(scopes: object): Promise<Record<string, string>> {
  return { authorization: `Bearer ${await signToken({ org_id: 'org_demo', ...scopes })}` };
}

type Viewers = readonly [viewer: string, headers: Readonly<Record<string, string>>][];
const withoutRight: Viewers = [
  ['an API key without files', { 'x-api-key': noFiles }],
  ['a token without scopes', await bearer({})],
  ['a token with other scopes', await bearer({ scope: 'exports exports:files2 files' })],
];
const withRight: Viewers = [
  ['any other API key', { 'x-api-key': unrestricted }],
  ['a token with the scope', await bearer({ scope: 'openid exports:files' })],
  ['a token with the scope in a list', await bearer({ scp: ['exports:files'] })],
];

const id = exportId(0);
const flags = 'includeJson: true, includeCsv: true';
const fields =
  'name jsonUrl csvUrl files { kind state sizeBytes url urlExpiresAt preview { rows } }';
const documents = [
  `{ found: export(id: "${id}", ${flags}) { ${fields} } }`,
  `{ found: exportsByIds(ids: ["${id}"]) { ${fields} } }`,
  `{ found: exports(${flags}) { data { ${fields} } } }`,
  `{ found: _entities(representations: [{ __typename: "Export", id: "${id}" }]) {
    ... on Export { ${fields} } } }`,
];

describe('links to files and previews', () => {
  const gateway = useGateway(embedded, {
    config: tokensAccepted({ JWT_FILES_SCOPE: 'exports:files' }),
    keys: [
      apiKeyRow(unrestricted, 'org_demo'),
      apiKeyRow(noFiles, 'org_demo', { canReadFiles: false }),
    ],
    exports: [exportRow(0)],
    files: [fileRow(0, ExportFileKind.JSON)],
  });

  it.each(withoutRight)(
    'are forbidden to %s, which gets all other fields',
    async (_viewer, headers) => {
      // Twice, because the gateway compiles a document at its second use.
      for (const document of [...documents, ...documents]) {
        const response = await gateway.queryCountingLinks<{ found: unknown }>(
          document,
          {},
          headers,
        );
        expect(response).toMatchObject({ status: 200, linksSigned: 0 });
        // No file, no link: a URL without a file is null for every viewer.
        const forbidden = ['jsonUrl', 'url', 'urlExpiresAt', 'preview'];
        expect(response.errors?.map(({ path }) => path?.at(-1))).toEqual(forbidden);
        const message = expect.stringMatching(
          /^These credentials do not allow links to files and previews\. Use /,
        );
        expect(response.errors).toMatchObject(
          forbidden.map(() => ({ message, extensions: { code: 'FORBIDDEN' } })),
        );
        const json = { kind: 'JSON', state: 'READY', sizeBytes: 1_000, url: null };
        const found = { name: 'Export 0', jsonUrl: null, csvUrl: null, files: [json, {}, {}, {}] };
        const { data } = response.data.found as { data?: unknown };
        expect([data ?? response.data.found].flat()).toMatchObject([found]);
      }
    },
  );

  it.each(withRight)('are open to %s', async (_viewer, headers) => {
    for (const document of documents) {
      const { errors, linksSigned } = await gateway.queryCountingLinks(document, {}, headers);
      expect([errors, linksSigned]).toEqual([undefined, 2]);
    }
  });
});

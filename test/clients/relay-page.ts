import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';

import { compile } from '../docs/documented-code.js';
import { bundle, runTool } from './front-end-page.js';
import type { OpenList } from './paging-clients.js';

/** Renders the documented list, with an environment as in Relay's own guide. */
const main = `
import { Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { RelayEnvironmentProvider } from 'react-relay';
import { Environment, Network, RecordSource, Store, type GraphQLResponse } from 'relay-runtime';

import { ExportsList } from './ExportsList';

const { url, ...start } = JSON.parse(decodeURIComponent(window.location.hash.slice(1)));
const environment = new Environment({
  store: new Store(new RecordSource()),
  network: Network.create(async ({ text }, variables): Promise<GraphQLResponse> => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ query: text, variables });
    return (await fetch(url, { method: 'POST', headers, body })).json();
  }),
});
const container = document.querySelector('main');
if (container === null) throw new Error('The page has no <main>');
createRoot(container).render(
  <RelayEnvironmentProvider environment={environment}>
    <Suspense><ExportsList {...start} /></Suspense>
  </RelayEnvironmentProvider>,
);
`;

const config = {
  src: '.',
  schema: 'schema.graphql',
  language: 'typescript',
  eagerEsModules: true,
  excludes: ['**/__generated__/**'],
  customScalarTypes: { DateTime: 'string', URL: 'string', SafeInt: 'number' },
};

/** Compiles the documented page in a folder with its code, and returns it as one script. */
export async function bundleRelayPage(folder: string): Promise<string> {
  await writeFile(join(folder, 'schema.graphql'), await readFile('schema.graphql'));
  await writeFile(join(folder, 'relay.config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'main.tsx'), main);
  await runTool(folder, 'relay-compiler/cli.js', ['relay.config.json']);
  expect(await compile(folder, { files: ['main.tsx'], types: [] })).toBe('');
  await replaceTags(join(folder, 'ExportsList.tsx'));
  return bundle(folder, 'main.tsx');
}

/** What babel-plugin-relay does: replaces each document by what relay-compiler has generated from it. */
async function replaceTags(path: string): Promise<void> {
  const imports: string[] = [];
  const code = (await readFile(path, 'utf8')).replaceAll(
    /graphql`\s*\w+ (\w+)[^`]*`/g,
    (_tag, name: string) => {
      imports.push(`import ${name} from './__generated__/${name}.graphql';\n`);
      return name;
    },
  );
  await writeFile(path, imports.join('') + code);
}

/** Opens the list of the script in a page of the browser. */
export const openInRelay =
  (newPage: () => Promise<Page>, origin: string, script: () => string): OpenList =>
  async (url, start) => {
    const page = await newPage();
    const warnings: string[] = [];
    page.on('console', (message) => {
      if (['warning', 'error'].includes(message.type())) warnings.push(message.text());
    });
    page.on('pageerror', (error) => warnings.push(error.message));
    await page.goto(`${origin}/#${encodeURIComponent(JSON.stringify({ url, ...start }))}`);
    await page.addScriptTag({ type: 'module', content: script() });
    const items = page.getByRole('listitem');
    await items.first().waitFor();
    return {
      names: () => items.allInnerTexts(),
      async load(where) {
        const button = page.getByRole('button', { name: where });
        if (await button.isDisabled()) return false;
        const count = await items.count();
        await button.click();
        await items.nth(count).waitFor();
        await page.locator('ul[aria-busy=false]').waitFor();
        return true;
      },
      async close() {
        expect(warnings).toEqual([]);
        await page.close();
      },
    };
  };

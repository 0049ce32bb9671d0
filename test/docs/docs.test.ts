import 'reflect-metadata';

import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describe, expect, it } from '@jest/globals';
import { buildSchema, Kind, parse, validate, type SelectionSetNode } from 'graphql';

import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import {
  anchorsOf,
  codeBlocksOf,
  documentedFiles,
  proseOf,
  readPages,
  tableRowsOf,
} from './markdown.js';

const pages = await readPages();
const paths = [...pages.keys()];
const schema = buildSchema(await readFile('schema.graphql', 'utf8'));
const sourceFiles = (await Promise.all(['src', 'test'].map(filesBelow))).flat();

function pageAt(path: string): string {
  const page = pages.get(path);
  if (page === undefined) throw new Error(`There is no page ${path}`);
  return page;
}

async function filesBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.map((name) => join(folder, name));
}

function allMatches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found = '']) => found);
}

const unique = (values: readonly string[]) => [...new Set(values)].sort();

describe.each(paths)('%s', (path) => {
  const page = pageAt(path);

  it('has no table cell of more than 120 characters', () => {
    expect(
      tableRowsOf(page)
        .flat()
        .filter((cell) => cell.length > 120),
    ).toEqual([]);
  });

  it('links only to files and headings that exist', () => {
    const targets = allMatches(proseOf(page), /\]\(([^)\s]+)\)/g).filter(
      (target) => !/^https?:/.test(target),
    );
    const broken = targets.filter((target) => {
      const [file = '', anchor] = target.split('#');
      const linked = file === '' ? path : join(dirname(path), file);
      if (!existsSync(linked)) return true;
      return anchor !== undefined && !anchorsOf(pages.get(linked) ?? '').includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('names only source files that exist', () => {
    const layout = codeBlocksOf(page)
      .map(({ code }) => code)
      .join('\n');
    const named = [
      ...allMatches(proseOf(page), /`((?:src|test)\/[\w./-]+)`/g),
      ...allMatches(layout, /^((?:src|test)\/[\w./-]+)/gm),
      ...allMatches(page, /\b(test\/[\w/-]+\.ts)\b/g),
      ...allMatches(page, /\bdist\/(src\/[\w/-]+)\.js\b/g).map((built) => `${built}.ts`),
    ];
    const bareNames = allMatches(proseOf(page), /`([\w-]+\.ts)`/g);
    const missing = [
      ...named.filter((file) => !existsSync(file)),
      ...bareNames.filter(
        (name) => !existsSync(name) && !sourceFiles.some((file) => file.endsWith(`/${name}`)),
      ),
    ];
    expect(unique(missing)).toEqual([]);
  });

  it('names only npm scripts that exist', async () => {
    const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = allMatches(page, /\bnpm run ([\w:-]+)/g);
    expect(unique(named).filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('has only GraphQL documents that are valid', () => {
    const blocks = codeBlocksOf(page);
    const documents = [
      ...blocks.filter(({ language }) => language === 'graphql').map(({ code }) => code),
      ...blocks.flatMap(({ code }) => allMatches(code, /'query=([^']+)'/g)),
    ];
    expect(documents.flatMap((document) => validate(schema, parse(document)))).toEqual([]);
  });

  it('has only TypeScript that is a whole file with a name', async () => {
    const files = [...(await documentedFiles()).values()];
    const blocks = codeBlocksOf(page).filter(({ language }) => language === 'ts');
    expect(blocks.map(({ code }) => code).filter((code) => !files.includes(code))).toEqual([]);
  });
});

describe('README.md', () => {
  const readme = pageAt('README.md');

  it('has at most 200 lines', () => {
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(200);
  });

  it('shows a response with exactly the fields of its query', () => {
    const code = codeBlocksOf(readme);
    const [query = ''] = code.flatMap((block) => allMatches(block.code, /'query=([^']+)'/g));
    const response = code.find(({ language }) => language === 'json')?.code ?? '';
    const [operation] = parse(query).definitions;
    if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('There is no query');
    expect(shapeOf((JSON.parse(response) as { data: unknown }).data)).toEqual(
      selectedShape(operation.selectionSet),
    );
  });

  it('describes every setting that the configuration knows, and no other', async () => {
    const settings = unique(
      tableRowsOf(readme).flatMap(([name = '']) => /^`([A-Z_…]+)`$/.exec(name)?.[1] ?? []),
    );
    const config = sourceFiles.filter((file) => /^src\/config[./].*ts$/.test(file));
    const source = (await Promise.all(config.map((file) => readFile(file, 'utf8')))).join('\n');
    const known = allMatches(source, /^\s+([A-Z][A-Z_]+):/gm);
    const own = unique(known.filter((name) => !name.startsWith('OTEL_')));
    expect(settings).toEqual(unique([...own, 'OTEL_…']));

    const example = allMatches(await readFile('.env.example', 'utf8'), /^# ([A-Z_]+)=/gm);
    const notOwn = /^(?:AWS|OTEL)_/;
    expect(unique(example.filter((name) => !notOwn.test(name)))).toEqual(own);

    const telemetry = pageAt('docs/operations.md').replaceAll(
      '`…_TRACES_',
      '`OTEL_EXPORTER_OTLP_TRACES_',
    );
    const variables = allMatches(source, /\b(OTEL_[A-Z_]+)\b/g);
    expect(unique(variables).filter((name) => !telemetry.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  const gateway = useGateway(embedded);

  it('describes every metric that the gateway exports, with its type and labels', async () => {
    const documented: Record<string, Metric> = {};
    for (const [name = '', labels = '', type = ''] of tableRowsOf(pageAt('docs/operations.md'))) {
      if (!/^(?:histogram|gauge|counter)$/.test(type)) continue;
      documented[name.replaceAll('`', '')] = {
        type,
        labels: allMatches(labels, /`(\w+)`/g).sort(),
      };
    }
    await gateway.query('{ exports { data { id } } }');
    const exported = gatewayMetrics((await gateway.send({ path: '/metrics' })).text);
    // A metric without samples does not show its labels.
    for (const [name, metric] of Object.entries(exported))
      metric.labels ??= documented[name]?.labels;
    expect(exported).toEqual(documented);
  });
});

interface Metric {
  readonly type: string;
  labels: readonly string[] | undefined;
}

/** The metrics of the gateway itself in the text of `/metrics`. */
function gatewayMetrics(text: string): Record<string, Metric> {
  const metrics: Record<string, Metric> = {};
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\w+) (\w+)$/gm)) {
    if (/^(?:process|nodejs)_/.test(name)) continue;
    const samples = new RegExp(`^${name}(?:_bucket|_sum|_count)?(?:\\{(.*)\\})? \\S+$`, 'gm');
    const labelSets = allMatches(text, samples);
    const labels = labelSets.flatMap((each) => allMatches(each, /(\w+)="/g));
    metrics[name] = {
      type,
      labels: labelSets.length === 0 ? undefined : unique(labels.filter((each) => each !== 'le')),
    };
  }
  return metrics;
}

/** The keys of a value, recursively, with true for every leaf; a list is its first item. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return shapeOf(value[0]);
  if (typeof value !== 'object' || value === null) return true;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shapeOf(each)]));
}

function selectedShape(selectionSet: SelectionSetNode | undefined): unknown {
  if (selectionSet === undefined) return true;
  return Object.fromEntries(
    selectionSet.selections.flatMap((selection) =>
      selection.kind === Kind.FIELD
        ? [[selection.name.value, selectedShape(selection.selectionSet)]]
        : [],
    ),
  );
}

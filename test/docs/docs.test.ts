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
const files = [...(await documentedFiles()).values()];
const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: object };
const schema = buildSchema(await readFile('schema.graphql', 'utf8'));
const sourceFiles = [
  ...(await readdir('src', { recursive: true })).map((name) => join('src', name)),
  ...(await readdir('test', { recursive: true })).map((name) => join('test', name)),
];

function allMatches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found = '']) => found);
}

const unique = (values: readonly string[]) => [...new Set(values)].sort();

const operations = pages.get('docs/operations.md') ?? '';

describe.each([...pages])('%s', (path, page) => {
  it('has no table cell of more than 120 characters', () => {
    const cells = tableRowsOf(page).flat();
    expect(cells.filter((cell) => cell.length > 120)).toEqual([]);
  });

  it('links only to files and headings that exist', () => {
    const broken = allMatches(proseOf(page), /\]\((?!https?:)([^)\s]+)\)/g).filter((target) => {
      const [file = '', anchor] = target.split('#');
      const linked = file === '' ? path : join(dirname(path), file);
      if (!existsSync(linked)) return true;
      return anchor !== undefined && !anchorsOf(pages.get(linked) ?? '').includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('names only source files that exist', () => {
    const layout = codeBlocksOf(page).map(({ code }) => code);
    const named = [
      ...allMatches(proseOf(page), /`((?:src|test)\/[\w./-]+)`/g),
      ...allMatches(layout.join('\n'), /^((?:src|test)\/[\w./-]+)/gm),
      ...allMatches(page, /\b(test\/[\w/-]+\.ts)\b/g),
      ...allMatches(page, /\bdist\/(src\/[\w/-]+)\.js\b/g).map((built) => `${built}.ts`),
      ...allMatches(proseOf(page), /`([\w-]+\.ts)`/g).map(
        (name) => sourceFiles.find((file) => file.endsWith(`/${name}`)) ?? name,
      ),
    ];
    expect(named.filter((file) => !existsSync(file))).toEqual([]);
  });

  it('names only npm scripts that exist', () => {
    const named = allMatches(page, /\bnpm run (?:--silent )?([\w:-]+)/g);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('has only GraphQL documents that are valid', () => {
    const blocks = codeBlocksOf(page);
    const documents = [
      ...blocks.filter(({ language }) => language === 'graphql').map(({ code }) => code),
      ...blocks.flatMap(({ code }) => allMatches(code, /'query=([^']+)'/g)),
    ];
    expect(documents.flatMap((document) => validate(schema, parse(document)))).toEqual([]);
  });

  it('has only TypeScript that is a whole file with a name', () => {
    const blocks = codeBlocksOf(page).filter(({ language }) => /^tsx?$/.test(language));
    expect(blocks.map(({ code }) => code).filter((code) => !files.includes(code))).toEqual([]);
  });
});

describe('README.md', () => {
  const readme = pages.get('README.md') ?? '';

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
    const settings = tableRowsOf(readme).flatMap(([name = '']) =>
      allMatches(name, /^`([A-Z_…]+)`$/g),
    );
    const config = sourceFiles.filter((file) => /^src\/config[./].*ts$/.test(file));
    const source = (await Promise.all(config.map((file) => readFile(file, 'utf8')))).join('\n');
    const known = allMatches(source, /^\s+([A-Z][A-Z_]+):/gm);
    const own = unique(known.filter((name) => !name.startsWith('OTEL_')));
    expect(unique(settings)).toEqual(unique([...own, 'OTEL_…', '…_FILE']));

    const env = await readFile('.env.example', 'utf8');
    expect(unique(allMatches(env, /^# (?!AWS_|OTEL_)([A-Z_]+)=/gm))).toEqual(own);

    const telemetry = operations.replaceAll('`…_TRACES_', '`OTEL_EXPORTER_OTLP_TRACES_');
    const variables = allMatches(source, /\b(OTEL_[A-Z_]+)\b/g);
    expect(variables.filter((name) => !telemetry.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  const gateway = useGateway(embedded);

  it('describes every metric that the gateway exports, with its type and labels', async () => {
    const documented: Record<string, Metric> = {};
    for (const [name = '', labels = '', type = ''] of tableRowsOf(operations)) {
      if (!/^(?:histogram|gauge|counter)$/.test(type)) continue;
      documented[name.replaceAll('`', '')] = {
        type,
        labels: unique(allMatches(labels, /`(\w+)`/g)),
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
    const labels = unique(labelSets.flatMap((each) => allMatches(each, /\b(?!le=)(\w+)="/g)));
    metrics[name] = { type, labels: labelSets.length === 0 ? undefined : labels };
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
  const fields = selectionSet?.selections.filter((selection) => selection.kind === Kind.FIELD);
  if (fields === undefined) return true;
  return Object.fromEntries(
    fields.map((field) => [field.name.value, selectedShape(field.selectionSet)]),
  );
}

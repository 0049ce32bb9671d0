import { readFile } from 'node:fs/promises';

import { describe, expect, it } from '@jest/globals';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { headingsOf } from './markdown.js';

interface Rules {
  readonly groups: { readonly rules: { readonly alert: string; readonly expr: string }[] }[];
}
interface Dashboard {
  readonly panels: {
    readonly targets?: { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

const rulesFile = parse(await readFile('docker/prometheus-rules.yaml', 'utf8')) as Rules;
const rules = rulesFile.groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(await readFile('docker/grafana-dashboard.json', 'utf8')) as Dashboard;
const targets = dashboard.panels.flatMap((panel) => panel.targets ?? []);

/** Labels that Prometheus adds. */
const SCRAPED = ['job', 'instance'];

/** The label names of every metric that the gateway has, by the name of its samples. */
async function servedLabels(): Promise<Map<string, readonly string[]>> {
  const metrics = new Metrics(Object.values(ExportFileKind));
  const state = { isUp: true, used: 0, pending: 0, missingIndexes: 0 };
  const stats = { server: 'primary', connectionLimit: 10, ...state };
  const poolStats = () => [stats];
  metrics.watch({ inFlight: 0, queued: 0 }, { poolStats, clockDifference: () => 0 });
  const served = new Map<string, readonly string[]>([['up', SCRAPED]]);
  // prom-client has the names of the labels, but no type for them.
  for (const metric of metrics.registry.getMetricsAsArray()) {
    const { name, type, labelNames } = metric as unknown as {
      name: string;
      type: string;
      labelNames: readonly string[];
    };
    const labels = [...SCRAPED, ...labelNames];
    if (type !== 'histogram') served.set(name, labels);
    else {
      for (const suffix of ['sum', 'count']) served.set(`${name}_${suffix}`, labels);
      served.set(`${name}_bucket`, [...labels, 'le']);
    }
  }
  return served;
}

/** The metrics and labels of a PromQL expression. Throws on a syntax error. */
function namesIn(expression: string): { metrics: string[]; labels: string[] } {
  // Grafana fills its variables in.
  const promql = expression.replaceAll('$__rate_interval', '5m');
  const metrics: string[] = [];
  const labels: string[] = [];
  parser.parse(promql).iterate({
    enter({ type, from, to }) {
      const text = promql.slice(from, to);
      if (type.isError) throw new Error(`Syntax error at ${from} in ${promql}`);
      if (type.name === 'Identifier') metrics.push(text);
      if (type.name === 'LabelName') labels.push(text);
    },
  });
  return { metrics, labels };
}

const expressions = [...rules, ...targets].map(({ expr }) => expr);

describe('the alert rules and the dashboard', () => {
  it.each(expressions)('use only metrics and labels that the gateway serves: %s', async (expr) => {
    const served = await servedLabels();
    const { metrics, labels } = namesIn(expr);
    expect(metrics.filter((name) => !served.has(name))).toEqual([]);
    expect(metrics.length).toBeGreaterThan(0);
    const known = metrics.flatMap((name) => served.get(name) ?? []);
    expect(labels.filter((label) => !known.includes(label))).toEqual([]);
  });

  it.each(targets)(
    'name series by labels that they keep: $legendFormat',
    ({ expr, legendFormat }) => {
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
      const kept = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? SCRAPED;
      expect(shown.filter((label) => !kept.includes(label))).toEqual([]);
    },
  );
});

it('the runbook has an entry for each alert, in their order', async () => {
  const headings = headingsOf(await readFile('docs/runbook.md', 'utf8'));
  expect(headings.slice(1)).toEqual(rules.map(({ alert }) => alert));
});

import 'reflect-metadata';

import { parseArgs } from 'node:util';

import { Bench } from './bench.js';
import { compare } from './compare.js';
import { contenderNames, type ContenderName } from './contenders.js';
import { measureFlatness } from './flatness.js';
import { measureMemory } from './memory.js';
import { workloadNamed, workloads } from './workloads.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    contenders: { type: 'string', default: contenderNames.join() },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    flatness: { type: 'boolean', default: false },
    memory: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '10' },
  },
});

function contenderNamed(name: string): ContenderName {
  const found = contenderNames.find((each) => each === name);
  if (found !== undefined) return found;
  throw new Error(`There is no ${name}, only ${contenderNames.join(', ')}.`);
}

function wholeNumber(option: 'rounds' | 'seconds' | 'minutes', text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new Error(`--${option} must be a whole number from 1 on.`);
}

const rounds = wholeNumber('rounds', values.rounds ?? (values.quick ? '2' : '5'));
const seconds = wholeNumber('seconds', values.seconds ?? (values.quick ? '1' : '3'));
const minutes = wholeNumber('minutes', values.minutes);
const chosen = values.only?.split(',').map(workloadNamed) ?? workloads;
const contenders = values.contenders.split(',').map(contenderNamed);

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  // Contenders are killed when the process exits, and the database server ends with it.
  process.once(signal, () => process.exit(code));
}

const bench = await Bench.open(process.env);
try {
  let errors: number;
  if (values.flatness) errors = await measureFlatness(bench, { rounds, seconds });
  else if (values.memory) errors = await measureMemory(bench, minutes);
  else errors = await compare(bench, { workloads: chosen, contenders, rounds, seconds });
  if (errors > 0) {
    process.stderr.write(`${errors} answers were errors: what is above measures nothing.\n`);
    process.exitCode = 1;
  }
} finally {
  await bench.close();
}

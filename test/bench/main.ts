import 'reflect-metadata';

import { parseArgs } from 'node:util';

import { z } from 'zod';

import { Bench } from './bench.js';
import { compare } from './compare.js';
import { measureFacets } from './facets.js';
import { measureFairness } from './fairness.js';
import { measureFlatness } from './flatness.js';
import { measureLive } from './live.js';
import { measureMemory } from './memory.js';
import { workloads } from './workloads.js';

const [flag, string] = [{ type: 'boolean' }, { type: 'string' }] as const;
const { values } = parseArgs({
  options: {
    ...{ quick: flag, flatness: flag, memory: flag, fairness: flag, live: flag, facets: flag },
    ...{ only: string, rounds: string, seconds: string, minutes: string },
  },
});
const wholeNumber = (fallback: number) => z.coerce.number().int().min(1).default(fallback);
const names = workloads.map(({ name }) => name);
const { rounds, seconds, minutes, only } = z
  .object({
    rounds: wholeNumber(values.quick === true ? 2 : 5),
    seconds: wholeNumber(values.quick === true ? 1 : 3),
    minutes: wholeNumber(10),
    only: z
      .string()
      .transform((text) => text.split(','))
      .pipe(z.array(z.enum(names)))
      .default(names),
  })
  .parse(values);

// Child processes end when this process exits.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

const bench = await Bench.open(process.env);
try {
  if (values.flatness === true) await measureFlatness(bench, { rounds, seconds });
  else if (values.facets === true) await measureFacets(bench, { rounds, seconds });
  else if (values.fairness === true) await measureFairness(bench, seconds);
  else if (values.live === true) await measureLive(bench, values.quick === true);
  else if (values.memory === true) await measureMemory(bench, minutes);
  else await compare(bench, { only, rounds, seconds, isQuick: values.quick === true });
  if (bench.errors > 0) {
    console.error(`${bench.errors} responses were errors: the figures above are not valid.`);
    process.exitCode = 1;
  }
} finally {
  await bench.close();
}

import 'reflect-metadata';

import { writeFile } from 'node:fs/promises';

import { createSchema } from '../graphql/schema.js';
import { clientSdl, subgraphSdl } from '../graphql/sdl.js';
import { parseCommandLine, runCommand } from './run-command.js';

const USAGE = 'Write: npm run schema, or npm run --silent schema -- --subgraph > subgraph.graphql';

/** `npm run schema`: writes schema.graphql; with `--subgraph`, prints the SDL for routers instead. */
await runCommand(async () => {
  const options = { subgraph: { type: 'boolean', default: false } } as const;
  const { subgraph } = parseCommandLine({ options }, USAGE).values;
  const schema = await createSchema();
  if (subgraph) process.stdout.write(subgraphSdl(schema));
  else await writeFile('schema.graphql', clientSdl(schema));
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { findOrInstall, findProgram, run, thisMachine } from './apt.js';

/** A certificate authority of a test, in a folder of its own. */
export async function createAuthority() {
  const find = () => findProgram(['openssl'], thisMachine.folders);
  const openssl = await findOrInstall(['openssl'], find, thisMachine);
  const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
  const file = (name: string) => join(folder, name);
  const create = async (args: readonly string[]) => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    await run(openssl, ['req', ...key, ...args], { timeout: 20_000 });
  };
  const ca = { cert: file('ca.pem'), key: file('ca.key') };
  const valid = ['-x509', '-days', '2'];
  await create([...valid, '-subj', '/CN=Test CA', '-keyout', ca.key, '-out', ca.cert]);
  return {
    ca: ca.cert,
    /** A certificate for alternative names such as `DNS:localhost`, and its key. */
    async issue(names: string) {
      const name = names.replaceAll(/\W/g, '_');
      const [cert, key, extensions] = [`${name}.pem`, `${name}.key`, `${name}.ext`].map(file) as [
        ...[string, string, string],
      ];
      await writeFile(extensions, `subjectAltName=${names}`);
      await create(['-subj', '/CN=test', '-keyout', key, '-out', `${cert}.csr`]);
      const sign = ['x509', '-req', '-in', `${cert}.csr`, '-CA', ca.cert, '-CAkey', ca.key];
      const options = ['-CAcreateserial', '-days', '2', '-extfile', extensions, '-out', cert];
      await run(openssl, [...sign, ...options], { timeout: 20_000 });
      return { cert, key };
    },
    dispose: () => rm(folder, { recursive: true }),
  };
}

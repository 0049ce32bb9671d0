import { Counter, type Registry } from 'prom-client';

import type { FileLinks } from './file-links.js';

/** The same links, counted in `exports_gateway_links_signed_total`. */
export function countedLinks(links: FileLinks, registry: Registry): FileLinks {
  const signed = new Counter({
    name: 'exports_gateway_links_signed_total',
    help: 'Links to files that were signed.',
    registers: [registry],
  });
  return {
    sign(file) {
      signed.inc();
      return links.sign(file);
    },
  };
}

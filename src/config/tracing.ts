import { z } from 'zod';

import { crossField, parseHttpUrl, reject } from './settings.js';

const isUrl = (text: string) => parseHttpUrl(text) !== null;
const collectorUrl = z
  .string()
  .refine(isUrl, 'must be a URL such as http://collector.example.com:4318');

/** The variable for traces alone takes precedence. */
const PROTOCOLS = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'] as const;

const settings = z.object({
  OTEL_SDK_DISABLED: z.string().toLowerCase().optional(),
  OTEL_TRACES_EXPORTER: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl.optional(),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: z.string().optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.string().optional(),
});

/** Whether traces are exported. OpenTelemetry reads all further variables itself. */
export const tracingSettings = settings
  .superRefine((given, context) => {
    const exporter = exporterName(given);
    if (!['otlp', 'none'].includes(exporter)) {
      reject(context, 'OTEL_TRACES_EXPORTER must be otlp or none');
    }
    const protocol = PROTOCOLS.find((name) => given[name] !== undefined);
    if (exporter === 'otlp' && protocol !== undefined && given[protocol] !== 'http/protobuf') {
      reject(context, `${protocol} must be http/protobuf, the only supported protocol`);
    }
  }, crossField)
  .transform((given) => exporterName(given) === 'otlp');

/** Defaults to none without an endpoint, where OpenTelemetry would assume a local collector. */
function exporterName(given: z.output<typeof settings>): string {
  if (given.OTEL_SDK_DISABLED === 'true') return 'none';
  const endpoint = given.OTEL_EXPORTER_OTLP_ENDPOINT ?? given.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  return given.OTEL_TRACES_EXPORTER ?? (endpoint === undefined ? 'none' : 'otlp');
}

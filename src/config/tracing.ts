import { z } from 'zod';

import { crossField } from './settings.js';

const collectorUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be a URL such as http://collector.example.com:4318',
  );

/** The variable for traces alone takes precedence. */
const PROTOCOLS = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'] as const;

/** Whether traces are exported. OpenTelemetry reads all further variables itself. */
export const tracingSettings = z
  .object({
    OTEL_SDK_DISABLED: z.string().optional(),
    OTEL_TRACES_EXPORTER: z.string().optional(),
    OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl.optional(),
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl.optional(),
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: z.string().optional(),
    OTEL_EXPORTER_OTLP_PROTOCOL: z.string().optional(),
  })
  .refine(
    (given) => isDisabled(given) || ['otlp', 'none'].includes(given.OTEL_TRACES_EXPORTER ?? 'otlp'),
    { ...crossField, error: 'OTEL_TRACES_EXPORTER must be otlp or none' },
  )
  .refine(
    (given) => {
      const name = PROTOCOLS.find((each) => given[each] !== undefined);
      return !isTracing(given) || name === undefined || given[name] === 'http/protobuf';
    },
    {
      ...crossField,
      error: ({ input }) => {
        const given = input as Partial<Record<string, unknown>>;
        const name = PROTOCOLS.find((each) => given[each] !== undefined);
        return `${name ?? PROTOCOLS[0]} must be http/protobuf, the only supported protocol`;
      },
    },
  )
  .transform(isTracing);

interface Given {
  readonly OTEL_SDK_DISABLED?: string | undefined;
  readonly OTEL_TRACES_EXPORTER?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string | undefined;
}

function isDisabled(given: Given): boolean {
  return given.OTEL_SDK_DISABLED?.toLowerCase() === 'true';
}

/** Without an explicit setting nothing is exported: OpenTelemetry's default is a collector on localhost. */
function isTracing(given: Given): boolean {
  if (isDisabled(given)) return false;
  if (given.OTEL_TRACES_EXPORTER !== undefined) return given.OTEL_TRACES_EXPORTER === 'otlp';
  return (
    (given.OTEL_EXPORTER_OTLP_ENDPOINT ?? given.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) !== undefined
  );
}

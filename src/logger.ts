import { pino, type Logger } from 'pino';
import { PinoPretty } from 'pino-pretty';

export type { Logger };

/** Writes JSON lines, or readable lines on a terminal. */
export function createLogger(level: string): Logger {
  if (!process.stdout.isTTY) return pino({ level });
  const format = { ignore: 'pid,hostname', translateTime: 'HH:MM:ss', sync: true };
  return pino({ level }, PinoPretty(format));
}

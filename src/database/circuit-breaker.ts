import { ticks, type TickClock } from './tick-clock.js';

/** How long a server may stay silent on every connection during a probe. */
const PROBE_FAILURE_TIMEOUT = ticks(500);
/**
 * When a silent probe is abandoned. Not earlier: a server counts aborted handshakes and blocks the
 * host after a hundred. Not later: on a lossy network, a new probe gets through first.
 */
const PROBE_TIMEOUT = ticks(3_000);
/** From the end of a probe to the next. */
const PROBE_INTERVAL = ticks(500);

export interface ProtectedServer {
  /** Returns a function that cancels the probe. */
  startProbe(onEnd: (failure: Error | null) => void): () => void;
  onFailure(failure: Error, isFirst: boolean): void;
  onRecovery(): void;
}

/**
 * A circuit breaker: while it is closed, an error or a slow query starts a probe, and a failed or
 * silent probe opens it. While it is open, probes repeat until one succeeds and closes it.
 */
export class CircuitBreaker {
  isOpen = false;
  private probe: { readonly startedAt: number; readonly cancel: () => void } | null = null;
  private nextProbeAt = 0;
  private lastResponseAt = 0;

  constructor(
    private readonly server: ProtectedServer,
    private readonly clock: Pick<TickClock, 'now'>,
  ) {}

  onResponse(): void {
    this.lastResponseAt = this.clock.now;
  }

  /** Starts a probe, unless one runs or has just ended. */
  suspect(): void {
    if (this.clock.now >= this.nextProbeAt) this.startProbe();
  }

  startProbe(): void {
    if (this.probe !== null) return;
    const cancel = this.server.startProbe((failure) => {
      if (this.probe !== probe) return;
      this.cancelProbe();
      if (failure !== null) this.open(failure);
      else if (this.isOpen) this.close();
    });
    const probe = { startedAt: this.clock.now, cancel };
    this.probe = probe;
  }

  cancelProbe(): void {
    this.probe?.cancel();
    this.probe = null;
    this.nextProbeAt = this.clock.now + PROBE_INTERVAL;
  }

  onTick(): void {
    if (this.isOpen) this.suspect();
    if (this.probe === null) return;
    // A busy server may be slow to accept a connection while it responds on others.
    const silentSince = Math.max(this.probe.startedAt, this.lastResponseAt);
    if (this.clock.now - silentSince >= PROBE_FAILURE_TIMEOUT) this.open(new Error('no response'));
    if (this.clock.now - this.probe.startedAt >= PROBE_TIMEOUT) this.cancelProbe();
  }

  private open(failure: Error): void {
    const isFirst = !this.isOpen;
    this.isOpen = true;
    this.server.onFailure(failure, isFirst);
  }

  private close(): void {
    this.isOpen = false;
    this.server.onRecovery();
  }
}

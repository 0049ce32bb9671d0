import cliProgress from 'cli-progress';

/** How often a line is written where there is no terminal, in milliseconds. */
const LINE_EVERY = 5_000;

export interface Progress {
  /** To be told how many are done so far. */
  update(done: number): void;
  stop(): void;
}

/** A bar on a terminal; elsewhere, such as in a log, a line now and then. */
export function showProgress(total: number, output: NodeJS.WriteStream): Progress {
  const start = performance.now();
  const rate = (done: number) => Math.round((done * 1000) / (performance.now() - start));
  if (output.isTTY) {
    const bar = new cliProgress.SingleBar(
      {
        format:
          '{bar} {percentage} % | {value} of {total} exports | {rate} a second | {eta_formatted} left',
        stream: output,
      },
      cliProgress.Presets.shades_classic,
    );
    bar.start(total, 0, { rate: 0 });
    return {
      update: (done) => {
        bar.update(done, { rate: rate(done) });
      },
      stop: () => {
        bar.stop();
      },
    };
  }
  let lastLine = start;
  return {
    update(done) {
      if (performance.now() - lastLine < LINE_EVERY) return;
      lastLine = performance.now();
      output.write(`${done} of ${total} exports, ${rate(done)} a second\n`);
    },
    stop() {},
  };
}

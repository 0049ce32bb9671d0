/** Rejects when a promise takes longer than `ms`. */
export async function withDeadline<Value>(promise: Promise<Value>, ms: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      // A busy event loop runs overdue timers before it reads what has arrived in the meantime.
      setImmediate(reject, new Error(`no response within ${ms} ms`));
    }, ms);
  });
  return Promise.race([promise, timeout]).finally(() => {
    clearTimeout(timer);
  });
}

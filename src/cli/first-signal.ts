/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
export const firstSignal = async (): Promise<NodeJS.Signals> => {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let signals = 0;
  const came = (signal: NodeJS.Signals): void => {
    signals += 1;
    if (signals > 1) process.exit(signal === "SIGINT" ? 130 : 143);
    resolve(signal);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => came(signal));
  return promise;
};

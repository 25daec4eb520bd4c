/** What a program of ours is started with, and no more: where programs are found, and the run's compiled code, which starts it sooner. */
export const bareEnvironment = (): Record<string, string> => {
  const { PATH = "", NODE_COMPILE_CACHE } = process.env;
  return NODE_COMPILE_CACHE === undefined ? { PATH } : { PATH, NODE_COMPILE_CACHE };
};
